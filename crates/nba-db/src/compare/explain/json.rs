//! What happened to a JSON document.

use serde_json::Value;

use super::kind::Kind;

/// How two different documents differ.
pub(super) fn classify(old: &str, new: &str) -> Kind {
    if same_document(old, new) {
        return Kind::JsonForm;
    }
    let parsed = (serde_json::from_str(old), serde_json::from_str(new));
    let (Ok(before), Ok(after)) = parsed else {
        return Kind::Replaced;
    };
    Kind::JsonValue {
        path: only_difference(&before, &after, "$").unwrap_or_else(|| "$".to_owned()),
    }
}

/// Whether both are documents with the same content.
///
/// Equal trees are not enough: numbers beyond the precision of a float make equal trees out of different digits. So the
/// characters must be the same too, in whatever order.
pub(super) fn same_document(old: &str, new: &str) -> bool {
    let solid = |text: &str| {
        let mut bytes: Vec<u8> = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        bytes.sort_unstable();
        bytes
    };
    // A bare word or number is no document anybody formats.
    let is_document = |text: &str| text.trim_start().starts_with(['{', '[']);
    is_document(old)
        && is_document(new)
        && solid(old) == solid(new)
        && matches!(
            (serde_json::from_str::<Value>(old), serde_json::from_str::<Value>(new)),
            (Ok(before), Ok(after)) if before == after
        )
}

/// The path to the only place where two trees differ; `None` if there are several, or none that can be seen.
fn only_difference(old: &Value, new: &Value, path: &str) -> Option<String> {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let names = before
                .keys()
                .chain(after.keys().filter(|name| !before.contains_key(*name)));
            let mut differing = names.filter(|name| before.get(*name) != after.get(*name));
            let (name, None) = (differing.next()?, differing.next()) else {
                return None;
            };
            let path = format!("{path}.{name}");
            match (before.get(name), after.get(name)) {
                (Some(before), Some(after)) => only_difference(before, after, &path),
                _ => Some(path),
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let mut differing = (0..before.len()).filter(|&at| before.get(at) != after.get(at));
            let (at, None) = (differing.next()?, differing.next()) else {
                return None;
            };
            // Positions would make a group of every element.
            only_difference(before.get(at)?, after.get(at)?, &format!("{path}[]"))
        }
        _ => (old != new).then(|| path.to_owned()),
    }
}
