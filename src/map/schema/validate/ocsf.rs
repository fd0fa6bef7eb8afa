//! OCSF output against the JSON Schema of its class, and every name against the number it belongs to.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::super::field::{Object, Twin};
use super::super::ocsf::{self, Class};
use super::json::{below, is_own};
use crate::decode::json::Value as Made;

pub(super) fn check(class: Class, own: &[String], mut document: Value) -> Vec<String> {
    if let Value::Object(members) = &mut document {
        remove_own(members, "", own);
    }
    // Which of several members is missing is said below, with their names.
    let errors = validator(class).iter_errors(&document);
    let errors = errors.filter(|error| !error.schema_path().to_string().ends_with("/anyOf"));
    let mut problems: Vec<_> = errors
        .map(|error| {
            let place = name(&error.instance_path().to_string());
            format!("{place}: {}", error.masked_with("the value"))
        })
        .collect();
    relations(class.root(), "", &document, &mut problems);
    problems
}

/// The validator of a class; made when first asked for.
fn validator(class: Class) -> &'static Validator {
    static VALIDATORS: [OnceLock<Validator>; 4] = [const { OnceLock::new() }; 4];
    VALIDATORS[class as usize].get_or_init(|| {
        let mut document = ocsf::document();
        let mut schema = document["classes"][class.name()].take();
        schema["$defs"] = document["$defs"].take();
        jsonschema::draft202012::new(&schema).expect("the embedded schemas are valid")
    })
}

/// A JSON pointer as a dotted name.
fn name(pointer: &str) -> String {
    let parts: Vec<_> = pointer.split('/').filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => "the event".to_owned(),
        false => format!("`{}`", parts.join(".")),
    }
}

fn remove_own(members: &mut Map<String, Value>, parent: &str, own: &[String]) {
    members.retain(|name, _| !is_own(own, &below(parent, name)));
    for (name, value) in members {
        if let Value::Object(inner) = value {
            remove_own(inner, &below(parent, name), own);
        }
    }
}

/// What follows from a number must be what the schema says, but for the name of "other"; of alternatives one must be
/// there.
fn relations(object: &'static Object, parent: &str, value: &Value, problems: &mut Vec<String>) {
    let Value::Object(members) = value else {
        return;
    };
    let is_met = |names: &Vec<String>| names.iter().all(|name| members.contains_key(name));
    if !object.alternatives.is_empty() && !object.alternatives.iter().any(is_met) {
        let names: Vec<_> = object
            .alternatives
            .iter()
            .map(|names| names.join(" with "))
            .collect();
        let whole = if parent.is_empty() { "the event" } else { parent };
        problems.push(format!("`{whole}` needs one of `{}`", names.join("`, `")));
    }
    for twin in &object.twins {
        let id = members.get(&twin.id).and_then(Value::as_i64);
        if let (Some(id), Some(written)) = (id, members.get(&twin.name))
            && let Some(expected) = expected(twin, id)
            && *written != expected
        {
            let full = below(parent, &twin.name);
            problems.push(format!(
                "`{full}` is {written}, and `{}` {id} means {expected}",
                twin.id
            ));
        }
    }
    for (name, value) in members {
        let Some(inner) = object.members.get(name).and_then(|field| field.object()) else {
            continue;
        };
        let full = below(parent, name);
        match value {
            Value::Array(elements) => {
                elements
                    .iter()
                    .for_each(|element| relations(inner, &full, element, problems));
            }
            value => relations(inner, &full, value, problems),
        }
    }
}

fn expected(twin: &Twin, id: i64) -> Option<Value> {
    if twin.is_caption && id == ocsf::OTHER {
        return None;
    }
    match twin.get(id)? {
        Made::String(text) => Some(json!(text)),
        Made::Number(number) => number.parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}
