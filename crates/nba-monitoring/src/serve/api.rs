//! The same for programs.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::site::{RANGES, View};
use crate::watch::{CheckState, Standing};

/// Version of the JSON forms.
const VERSION: u32 = 1;

pub(super) fn state(view: &View, now: DateTime<Utc>) -> Value {
    let stale = view.stale(now);
    let standing = match (&view.state, &stale) {
        (Some(state), None) => state.standing(),
        _ => Standing::Unknown,
    };
    let checks = view.state.iter().flat_map(|state| &state.checks);
    let named = |wanted: fn(&CheckState) -> bool| -> Vec<&String> {
        checks
            .clone()
            .filter(|(_, check)| wanted(check))
            .map(|(id, _)| id)
            .collect()
    };
    json!({
        "version": VERSION,
        "standing": standing,
        "problem": stale.or_else(|| view.problem.clone()),
        "target": view.state.as_ref().and_then(|state| state.memory.identity.as_ref()),
        "started": view.state.as_ref().map(|state| state.started),
        "last_tick": view.state.as_ref().and_then(|state| state.last_tick),
        "interval_s": view.state.as_ref().map(|state| state.interval_s),
        "ticks": view.state.as_ref().map(|state| state.ticks),
        "last_ms": view.state.as_ref().map(|state| state.last_ms),
        "cost": view.state.as_ref().map(|state| &state.cost),
        "in_alarm": named(|check| check.level.is_alarm()),
        "suspect": named(CheckState::is_suspect),
        "checks": view.state.as_ref().map(|state| &state.checks),
    })
}

pub(super) fn openapi() -> Value {
    let ranges: Vec<&str> = RANGES.iter().map(|range| range.name).collect();
    let body = |schema: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } });
    let get = |summary: &str, schema: &str| {
        json!({ "get": { "summary": summary, "parameters": [], "responses": {
            "200": { "description": "as described", "content": body(schema) },
            "401": { "description": "neither a token nor the proxy lets this request in" }
        } } })
    };
    // One check: the same with an id, which may be unknown.
    let get_one = |summary: &str, schema: &str, parameters: Value| {
        let mut item = get(summary, schema);
        item["get"]["parameters"] = parameters;
        item["get"]["responses"]["404"] =
            json!({ "description": "there is no such check", "content": body("Error") });
        item
    };
    let range = json!({ "name": "range", "in": "query", "schema": { "type": "string", "enum": ranges, "default": "day" } });
    let id =
        json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
    let time = json!({ "type": "string", "format": "date-time" });
    let nullable = |kind: &str| json!({ "type": [kind, "null"] });
    let level = json!({ "type": "string", "enum": ["not_applicable", "good", "unsettled", "warning", "unknown", "critical"] });
    let mut history = get_one("The past of one check", "History", json!([id, range]));
    history["get"]["responses"]["400"] = json!({ "description": "there is no such range" });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "nba monitoring", "version": env!("CARGO_PKG_VERSION"), "description": "What the watch of a project knows. Read-only." },
        "security": [{ "bearer": [] }, {}],
        "paths": {
            "/api/state": get("Everything that is known now", "State"),
            "/api/checks/{id}": get_one("One check", "Check", json!([id])),
            "/api/checks/{id}/history": history,
            "/api/events": get("The last events, newest first", "Events"),
            "/healthz": { "get": { "summary": "Whether looks are taken; needs no token", "security": [], "responses": { "200": { "description": "they are" }, "503": { "description": "none for three intervals" } } } },
            "/metrics": { "get": { "summary": "Prometheus text", "responses": { "200": { "description": "metrics", "content": { "text/plain": {} } } } } },
            "/stream": { "get": { "summary": "Server-sent events: `tick` with the number of each look", "responses": { "200": { "description": "events", "content": { "text/event-stream": {} } } } } }
        },
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Level": level,
                "Error": { "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } },
                "Observation": { "type": "object", "required": ["id", "severity", "verdict", "message"], "properties": {
                    "id": { "type": "string" }, "severity": { "type": "string", "enum": ["warning", "critical"] },
                    "verdict": { "type": "object", "required": ["verdict"], "properties": { "verdict": { "type": "string", "enum": ["proven", "refuted", "not_proven", "not_applicable"] }, "reasons": { "type": "array", "items": { "type": "string" } }, "reason": { "type": "string" } } },
                    "value": nullable("number"), "message": { "type": "string" }, "elapsed_ms": { "type": "integer" } } },
                "Check": { "type": "object", "required": ["level", "since", "last", "seen"], "properties": {
                    "level": { "$ref": "#/components/schemas/Level" }, "since": time, "seen": time, "last": { "$ref": "#/components/schemas/Observation" },
                    "streak": { "type": "object", "required": ["bad", "looks", "from"], "properties": { "bad": { "type": "boolean" }, "looks": { "type": "integer" }, "from": time } },
                    "maintenance": nullable("string"), "acknowledged": nullable("object") } },
                "State": { "type": "object", "required": ["version", "standing", "in_alarm", "suspect"], "properties": {
                    "version": { "type": "integer" }, "standing": { "type": "string", "enum": ["healthy", "suspect", "warning", "unknown", "critical"] },
                    "problem": nullable("string"), "target": nullable("object"), "last_tick": nullable("string"), "ticks": nullable("integer"), "interval_s": nullable("integer"), "last_ms": nullable("integer"), "started": nullable("string"),
                    "cost": { "$ref": "#/components/schemas/Cost" },
                    "in_alarm": { "type": "array", "items": { "type": "string" } }, "suspect": { "type": "array", "items": { "type": "string" } },
                    "checks": { "type": ["object", "null"], "additionalProperties": { "$ref": "#/components/schemas/Check" } } } },
                "Cost": { "type": ["object", "null"], "description": "What the last look cost. A figure that is not known is absent.", "properties": {
                    "connections": { "type": "integer" }, "statements": { "type": "integer" }, "pages": { "type": "integer", "description": "pages of tables, their indexes and TOAST" },
                    "db_ms": { "type": "number", "description": "database time" }, "hour_db_ms": { "type": "number", "description": "database time of the last hour" },
                    "received_bytes": { "type": "integer" }, "memory_bytes": { "type": "integer" }, "history_bytes": { "type": "integer" },
                    "baseline_ms": { "type": "integer", "description": "the comparison with the baseline, beside the figures above" },
                    "dearest": { "type": "array", "description": "checks with their milliseconds", "items": { "type": "array" } },
                    "put_off": { "type": "array", "description": "checks that were not asked because the budget was spent", "items": { "type": "string" } } } },
                "History": { "type": "array", "items": { "type": "object", "required": ["at", "level", "looks"], "properties": {
                    "at": time, "level": { "$ref": "#/components/schemas/Level" }, "mean": nullable("number"), "min": nullable("number"), "max": nullable("number"), "looks": { "type": "integer" } } } },
                "Events": { "type": "array", "items": { "type": "object", "required": ["at", "kind", "check", "level", "message"], "properties": {
                    "at": time, "kind": { "type": "string" }, "check": { "type": "string" }, "level": { "$ref": "#/components/schemas/Level" }, "before": { "$ref": "#/components/schemas/Level" }, "since": time, "message": { "type": "string" } } } }
            }
        }
    })
}
