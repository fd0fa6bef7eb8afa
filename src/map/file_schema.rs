//! JSON Schema of mapping files, for editors.

use serde_json::{Value, json};

use super::encode::Output;
use super::file::{FORMAT, KEYS};
use super::function::FUNCTIONS;
use super::schema::Schema;
use crate::event::Kind;

/// The schema of a mapping file, draft 2020-12. It knows the form; names and types are checked at load.
pub fn file_schema() -> Value {
    let functions: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hub2siem mapping file",
        "type": "object",
        "additionalProperties": false,
        "required": ["format", "name", "revision"],
        "anyOf": [{ "required": ["extends"] }, { "required": ["record"] }],
        "properties": properties(),
        "$defs": {
            "texts": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
            "scalar": { "type": ["string", "number", "boolean"] },
            "path": {
                "type": "string",
                "pattern": "^[.$]",
                "description": format!(
                    "`.Path.To[0].Key`, `.List[].Key`, `.List[Type=x].Key`, `$name.path`, each with `| function`. Functions: {}",
                    functions.join(", ")
                ),
            },
            "condition": condition(),
            "fields": { "type": "object", "additionalProperties": { "$ref": "#/$defs/value" } },
        },
    });
    schema["$defs"]["value"] = value();
    schema["$defs"]["operator"] = operator();
    schema
}

fn properties() -> Value {
    let kinds: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Undecodable)
        .map(Kind::as_str)
        .collect();
    let mut properties = json!({
        "format": { "const": FORMAT },
        "name": { "type": "string", "pattern": "^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$" },
        "revision": { "type": ["string", "number"] },
        "extends": { "type": "string", "pattern": "^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$" },
        "remove": { "$ref": "#/$defs/texts" },
        "record": { "enum": kinds },
        "when": { "anyOf": [{ "$ref": "#/$defs/condition" }, { "type": "null" }] },
        "output": { "enum": Output::ALL.map(|(name, _)| name) },
        "schema": { "enum": Schema::NAMES },
        "own_prefixes": { "$ref": "#/$defs/texts" },
        "own_keys": { "$ref": "#/$defs/texts" },
        "unmapped": {
            "anyOf": [
                { "const": "drop" },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["keep_under"],
                    "properties": { "keep_under": { "type": "string" }, "except": { "$ref": "#/$defs/texts" } },
                },
            ],
        },
        "raw": {
            "type": "object",
            "additionalProperties": false,
            "required": ["to"],
            "properties": { "to": { "type": "string" } },
        },
        "let": { "$ref": "#/$defs/fields" },
        "tables": {
            "type": "object",
            "additionalProperties": { "type": "object", "minProperties": 1 },
        },
        "fields": { "$ref": "#/$defs/fields" },
        "keep_if": { "type": "object", "additionalProperties": { "$ref": "#/$defs/texts" } },
        "header": { "$ref": "#/$defs/fields" },
        "extension": {
            "type": "object",
            "additionalProperties": { "anyOf": [{ "$ref": "#/$defs/value" }, {
                "type": "object",
                "additionalProperties": false,
                "required": ["label", "value"],
                "properties": { "label": { "type": "string" }, "value": { "$ref": "#/$defs/value" } },
            }] },
        },
        "attributes": { "$ref": "#/$defs/fields" },
        "required": { "$ref": "#/$defs/texts" },
    });
    for (key, description) in KEYS {
        properties[key]["description"] = json!(description);
    }
    properties
}

fn condition() -> Value {
    let texts = json!({
        "anyOf": [{ "$ref": "#/$defs/scalar" }, { "type": "array", "items": { "$ref": "#/$defs/scalar" } }],
    });
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": {
            "any": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/condition" } },
            "not": { "$ref": "#/$defs/condition" },
        },
        "patternProperties": {
            "^[.$]": {
                "anyOf": [
                    texts,
                    {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": false,
                        "properties": {
                            "starts_with": texts,
                            "ends_with": texts,
                            "contains": texts,
                            "matches": texts,
                            "exists": { "type": "boolean" },
                            "is": { "anyOf": [
                                { "enum": ["ipv4", "ipv6", "guid"] },
                                { "type": "array", "items": { "enum": ["ipv4", "ipv6", "guid"] } },
                            ] },
                        },
                    },
                ],
            },
        },
        "additionalProperties": false,
    })
}

fn value() -> Value {
    json!({
        "anyOf": [
            { "$ref": "#/$defs/path" },
            { "$ref": "#/$defs/scalar" },
            { "type": "array" },
            { "$ref": "#/$defs/operator" },
        ],
    })
}

fn operator() -> Value {
    let value = json!({ "$ref": "#/$defs/value" });
    let values = json!({ "type": "array", "minItems": 1, "items": value });
    let condition = json!({ "$ref": "#/$defs/condition" });
    let form = |required: &[&str], properties: Value| json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
    let case = json!({ "anyOf": [
        form(&["when", "use"], json!({ "when": condition, "use": value })),
        form(&["otherwise"], json!({ "otherwise": value })),
    ] });
    json!({ "anyOf": [
        form(&["first_of"], json!({ "first_of": values })),
        form(&["lookup", "key"], json!({ "lookup": { "type": "string" }, "key": value, "otherwise": value })),
        form(&["cases"], json!({ "cases": { "type": "array", "minItems": 1, "items": case } })),
        form(&["when", "use"], json!({ "when": condition, "use": value })),
        form(&["each", "as", "make"], json!({ "each": value, "as": { "type": "string" }, "make": value })),
        form(&["list"], json!({ "list": values })),
        form(&["object"], json!({ "object": { "$ref": "#/$defs/fields" } })),
        form(&["text"], json!({ "text": { "type": "string" } })),
        form(&["literal"], json!({ "literal": {} })),
    ] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_every_key() {
        let schema = file_schema();
        let properties = schema["properties"].as_object().expect("it is an object");
        assert_eq!(properties.len(), KEYS.len());
        for (key, description) in KEYS {
            assert_eq!(properties[key]["description"], description, "{key}");
        }
    }
}
