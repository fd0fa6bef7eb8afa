//! Splits a body into the values that are records.
//!
//! A body is one value or several one after another. A list at the top is opened, and so is a `records` wrapper at the
//! top; what lies deeper (a list in a list, a wrapper in a list) stays one value.

use std::ops::Range;

use super::json::parse::Parser;
use super::json::{ParseError, Value, parse_next};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of a body: one record's worth.
#[derive(Debug, PartialEq)]
pub struct Part<'e> {
    /// Where it stands in the body.
    pub range: Range<usize>,
    /// What it says; `None` if these bytes are no JSON.
    pub value: Option<Value<'e>>,
}

/// The parts of `body` in their order.
///
/// What follows the last good value and is no JSON is one part without a value; so is the whole body if nothing in it
/// was good, zero bytes included. An empty list gives no part.
pub fn parts(body: &[u8]) -> Vec<Part<'_>> {
    let text = valid_prefix(body);
    let mut parts = Vec::with_capacity(1);
    let mut position = first_byte(body);
    let mut is_any_good = false;
    loop {
        match parse_next(text, &mut position) {
            Ok(Some((range, value))) => {
                is_any_good = true;
                open(text, range, value, &mut parts);
            }
            Ok(None) if is_any_good && text.len() == body.len() => return parts,
            Ok(None) | Err(_) => break,
        }
    }
    let start = if is_any_good { position } else { 0 };
    parts.push(Part {
        range: start..body.len(),
        value: None,
    });
    parts
}

/// Pushes a top-level value, or what it contains if it is a list or a wrapper.
fn open<'e>(text: &'e str, range: Range<usize>, value: Value<'e>, parts: &mut Vec<Part<'e>>) {
    // What is inside is parsed again to learn where it stands: both shapes are rare, and the usual one must not pay.
    let opened = match &value {
        Value::Array(_) => elements(&mut Parser::new(text, range.start), parts),
        Value::Object(_) => match wrapper_member(&value) {
            Some(index) => wrapped(&mut Parser::new(text, range.start), index, parts),
            None => {
                parts.push(Part {
                    range,
                    value: Some(value),
                });
                return;
            }
        },
        _ => {
            parts.push(Part {
                range,
                value: Some(value),
            });
            return;
        }
    };
    opened.expect("what parsed once parses again");
}

/// Which member of `value` holds the records, if it is a wrapper.
fn wrapper_member(value: &Value<'_>) -> Option<usize> {
    let records = value.get("records")?;
    records.as_array()?;
    if value.get("type").is_some() || value.get("SystemAlertId").is_some() {
        return None;
    }
    let members = value.as_object()?;
    members
        .iter()
        .position(|(_, member)| std::ptr::eq(member, records))
}

/// Pushes the elements of the list in member number `index` of the object at the cursor.
fn wrapped<'e>(parser: &mut Parser<'e>, index: usize, parts: &mut Vec<Part<'e>>) -> Result<(), ParseError> {
    parser.take(b'{');
    for _ in 0..index {
        parser.name()?;
        parser.value()?;
        parser.take(b',');
    }
    parser.name()?;
    elements(parser, parts)
}

/// Pushes the elements of the list at the cursor.
fn elements<'e>(parser: &mut Parser<'e>, parts: &mut Vec<Part<'e>>) -> Result<(), ParseError> {
    parser.take(b'[');
    while !parser.take(b']') {
        let Some((start, _)) = parser.peek_token() else {
            return Ok(());
        };
        let value = parser.value()?;
        parts.push(Part {
            range: start..parser.position(),
            value: Some(value),
        });
        parser.take(b',');
    }
    Ok(())
}

/// Where the first value may start: after a byte order mark.
fn first_byte(body: &[u8]) -> usize {
    if body.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    }
}

/// The longest prefix of `body` that is UTF-8.
fn valid_prefix(body: &[u8]) -> &str {
    match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            std::str::from_utf8(&body[..error.valid_up_to()]).expect("the prefix was found to be valid")
        }
    }
}
