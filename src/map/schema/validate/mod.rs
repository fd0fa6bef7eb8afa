//! Checks what a map wrote against its schema. Not on the way of an event: tests, `test` and `preview` ask for it.

mod json;
mod ocsf;
mod text;
#[cfg(test)]
mod tests;

use super::Schema;

/// Every problem of `output` as one line that names the field; `own` is where fields outside the schema may stand.
///
/// `output` is a JSON object or a line of CEF or LEEF without its end. Nothing is wrong with unchecked output.
pub fn validate(schema: Schema, own: &[String], output: &[u8]) -> Vec<String> {
    let Some(root) = schema.root() else {
        return Vec::new();
    };
    match schema {
        Schema::Cef => return text::cef(own, output),
        Schema::Leef => return text::leef(own, output),
        _ => {}
    }
    let document = match serde_json::from_slice::<serde_json::Value>(output) {
        Ok(document @ serde_json::Value::Object(_)) => document,
        Ok(_) => return vec!["the output is no object".to_owned()],
        Err(error) => return vec![format!("the output is no JSON: {error}")],
    };
    match schema {
        Schema::Ocsf(class) => ocsf::check(class, own, document),
        _ => json::check(schema, root, own, &document),
    }
}
