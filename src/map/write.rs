//! Items as JSON text.

use super::item::Item;
use super::time;
use crate::decode::json::write::{write_string, write_value};
use crate::event::Timestamp;

/// Appends an item as JSON.
pub fn item(item: &Item<'_>, output: &mut Vec<u8>) {
    item_up_to(item, output, usize::MAX);
}

/// Appends an item as JSON, and stops within it once `output` is longer than `end` bytes.
pub fn item_up_to(item: &Item<'_>, output: &mut Vec<u8>, end: usize) {
    match item {
        Item::Value(value) => write_value(output, value),
        Item::Text(text) => write_string(output, text),
        Item::Time(moment) => {
            output.push(b'"');
            time::write(*moment, output);
            output.push(b'"');
        }
        Item::Integer(number) => integer(*number, output),
        Item::Float(number) => output.extend_from_slice(float_text(*number).as_bytes()),
        Item::Bool(value) => output.extend_from_slice(if *value { b"true" } else { b"false" }),
        Item::List(items) => list(items, output, end),
        Item::Object(members) => object(members, output, end),
    }
}

/// Appends a whole number.
pub fn integer(number: i64, output: &mut Vec<u8>) {
    use std::io::Write;
    write!(output, "{number}").expect("writing to a Vec cannot fail");
}

/// RFC 3339 with milliseconds.
pub fn time_text(moment: Timestamp) -> String {
    let mut output = Vec::with_capacity(24);
    time::write(moment, &mut output);
    String::from_utf8(output).expect("dates are ASCII")
}

/// A finite number in its shortest form that reads back the same.
pub fn float_text(number: f64) -> String {
    format!("{number}")
}

fn list(items: &[Item<'_>], output: &mut Vec<u8>, end: usize) {
    output.push(b'[');
    for (index, element) in items.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        item_up_to(element, output, end);
        if output.len() > end {
            return;
        }
    }
    output.push(b']');
}

fn object(members: &[(&str, Item<'_>)], output: &mut Vec<u8>, end: usize) {
    output.push(b'{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        write_string(output, name);
        output.push(b':');
        item_up_to(value, output, end);
        if output.len() > end {
            return;
        }
    }
    output.push(b'}');
}
