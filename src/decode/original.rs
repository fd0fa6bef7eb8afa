//! Writes a record as it was received, on one line.

use super::json::{Value, parse, write_value};
use super::redact::redact;
use crate::event::{Kind, Record};

/// Appends `null` for a record without a document, else its own bytes with raw line breaks replaced by blanks: inside a string JSON has none, so nothing
/// changes its meaning. A redacted record is parsed and written anew, in the shape it came in.
pub(crate) fn write(record: &Record<'_>, output: &mut Vec<u8>) {
    if record.kind == Kind::Undecodable && record.document == Value::Null {
        output.extend_from_slice(b"null");
    } else if record.is_redacted {
        write_redacted(record, output);
    } else {
        write_on_one_line(record.bytes(), output);
    }
}

fn write_redacted(record: &Record<'_>, output: &mut Vec<u8>) {
    let text = std::str::from_utf8(record.bytes()).expect("the record was decoded from these bytes");
    let mut document = parse(text).expect("the record was decoded from these bytes");
    redact(&mut document);
    write_value(output, &document);
}

fn write_on_one_line(bytes: &[u8], output: &mut Vec<u8>) {
    output.reserve(bytes.len());
    let mut rest = bytes;
    while let Some(position) = memchr::memchr2(b'\n', b'\r', rest) {
        output.extend_from_slice(&rest[..position]);
        output.push(b' ');
        rest = &rest[position + 1..];
    }
    output.extend_from_slice(rest);
}
