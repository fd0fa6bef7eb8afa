//! What a YAML file says, as JSON: inputs as bytes with numbers as written, expectations as values.

use serde_json::Value;

use crate::config::yaml::{Content, Node, Scalar};
use crate::decode::json::write_string;

/// Appends a node as JSON. Numbers stay as they were written where JSON knows that form.
pub(super) fn write(node: &Node, output: &mut Vec<u8>) {
    match &node.content {
        Content::Null => output.extend_from_slice(b"null"),
        Content::Scalar(Scalar::Text(text)) => write_string(output, text),
        Content::Scalar(Scalar::Bool(value)) => output.extend_from_slice(value.to_string().as_bytes()),
        Content::Scalar(Scalar::Integer(number, text)) => {
            number_text(text, || number.to_string(), output);
        }
        Content::Scalar(Scalar::Float(number, text)) => {
            // `.inf` and `.nan` are no numbers of JSON; an exporter could only have written them as text.
            number_text(text, || format!("\"{number}\""), output);
        }
        Content::Sequence(elements) => {
            output.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                separate(index, output);
                write(element, output);
            }
            output.push(b']');
        }
        Content::Mapping(entries) => {
            output.push(b'{');
            for (index, entry) in entries.iter().enumerate() {
                separate(index, output);
                write_string(output, &entry.key);
                output.push(b':');
                write(&entry.value, output);
            }
            output.push(b'}');
        }
    }
}

/// A node as a value to compare with.
pub(super) fn value(node: &Node) -> Value {
    let mut json = Vec::new();
    write(node, &mut json);
    // Only nesting deeper than the reader follows can fail, and no output is that deep: the text then equals nothing.
    serde_json::from_slice(&json)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&json).into_owned()))
}

fn separate(index: usize, output: &mut Vec<u8>) {
    if index > 0 {
        output.push(b',');
    }
}

fn number_text(written: &str, otherwise: impl FnOnce() -> String, output: &mut Vec<u8>) {
    match serde_json::from_str::<serde_json::Number>(written) {
        Ok(_) => output.extend_from_slice(written.as_bytes()),
        Err(_) => output.extend_from_slice(otherwise().as_bytes()),
    }
}
