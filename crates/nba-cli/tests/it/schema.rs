//! What the dashboard prints is what `docs/dashboard.schema.json` says.

use serde_json::Value;
use std::path::Path;

fn published() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dashboard.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The value is as the published schema wants it.
pub(crate) fn holds(value: &Value) {
    let schema = published();
    let mut complaints = Vec::new();
    check(&schema, &schema, value, "", &mut complaints);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// As much of JSON Schema as that file uses; a word that is not known here is a complaint.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
    let mut complain = |what: String| complaints.push(format!("{at}: {what}"));
    let words = schema.as_object().unwrap();
    for (word, wanted) in words {
        match word.as_str() {
            "$schema"
            | "title"
            | "description"
            | "$defs"
            | "properties"
            | "additionalProperties"
            | "items"
            | "$ref" => {}
            "type" => {
                let kinds: Vec<&str> = match wanted {
                    Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
                    kind => kind.as_str().into_iter().collect(),
                };
                if !kinds.iter().any(|kind| is(value, kind)) {
                    complain(format!("{value} is no {wanted}"));
                }
            }
            "enum" => {
                if !wanted.as_array().unwrap().contains(value) {
                    complain(format!("{value} is none of {wanted}"));
                }
            }
            "const" => {
                if value != wanted {
                    complain(format!("{value} is not {wanted}"));
                }
            }
            "required" => {
                for name in wanted.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        complain(format!("{name} is missing"));
                    }
                }
            }
            other => complain(format!("`{other}` is not understood")),
        }
    }
    if let Some(name) = words.get("$ref").and_then(Value::as_str) {
        let part = root.pointer(name.strip_prefix('#').unwrap()).unwrap();
        check(root, part, value, at, complaints);
    }
    if let (Some(items), Some(values)) = (words.get("items"), value.as_array()) {
        for (number, value) in values.iter().enumerate() {
            check(root, items, value, &format!("{at}/{number}"), complaints);
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        match (
            words.get("properties").and_then(|known| known.get(name)),
            words.get("additionalProperties"),
        ) {
            (Some(known), _) => check(root, known, value, &at, complaints),
            (None, Some(Value::Bool(false))) => complaints.push(format!("{at} is not published")),
            (None, Some(other)) => check(root, other, value, &at, complaints),
            (None, None) => {}
        }
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type is called {other}"),
    }
}

#[test]
fn what_is_not_published_is_noticed() {
    let schema = published();
    let said = |value: Value| {
        let mut complaints = Vec::new();
        check(&schema, &schema, &value, "", &mut complaints);
        complaints.join("; ")
    };
    let empty = said(serde_json::json!({}));
    assert!(empty.contains("\"degraded_checks\" is missing"), "{empty}");
    let wrong = said(serde_json::json!({
        "overall_status": "fine",
        "verdict": { "verdict": "proven", "since": 1 },
        "checks": { "games_count": { "status": "ok", "message": 5 } },
        "watch": { "cost": { "pages": "0", "price": 1 } },
    }));
    for expected in [
        "\"fine\" is none of",
        "/verdict/since is not published",
        "/checks/games_count: \"actual\" is missing",
        "/checks/games_count/message: 5 is no",
        "/watch/cost/pages: \"0\" is no",
        "/watch/cost/price is not published",
    ] {
        assert!(wrong.contains(expected), "`{expected}`: {wrong}");
    }
}
