//! `$record.state`: two records of one item with the same state say the same about it.
//!
//! The state is a hash of the document in a canonical form: members sorted by name, the last of equal names only,
//! without the enrichment blocks and without the moment a finding was generated, which changes with every scan.

use sha2::{Digest, Sha256};

use super::enrichment;
use super::json::{Value, write_string, write_value};
use crate::event::{Kind, Record};

/// SHA-256 of the canonical form, as 64 lower-case hexadecimal digits; `None` for what is no JSON.
pub fn state(record: &Record<'_>) -> Option<String> {
    if record.kind == Kind::Undecodable {
        return None;
    }
    let mut canonical = Vec::with_capacity(record.range.len());
    write_document(&mut canonical, record.kind, &record.document);
    Some(hexadecimal(&Sha256::digest(&canonical)))
}

fn write_document(output: &mut Vec<u8>, kind: Kind, document: &Value<'_>) {
    write_sorted(output, document, &|output, name, value| {
        if enrichment::is_block(name) {
            return false;
        }
        write_string(output, name);
        output.push(b':');
        if kind == Kind::SubAssessment && name.eq_ignore_ascii_case("properties") {
            write_sorted(output, value, &|output, name, value| {
                !name.eq_ignore_ascii_case("timeGenerated") && write_member(output, name, value)
            });
        } else {
            write_canonical(output, value);
        }
        true
    });
}

fn write_canonical(output: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Object(_) => write_sorted(output, value, &write_member),
        Value::Array(elements) => {
            output.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    output.push(b',');
                }
                write_canonical(output, element);
            }
            output.push(b']');
        }
        _ => write_value(output, value),
    }
}

fn write_member(output: &mut Vec<u8>, name: &str, value: &Value<'_>) -> bool {
    write_string(output, name);
    output.push(b':');
    write_canonical(output, value);
    true
}

/// Writes the members of an object by name with `write`, which says whether it wrote one.
fn write_sorted(
    output: &mut Vec<u8>,
    value: &Value<'_>,
    write: &dyn Fn(&mut Vec<u8>, &str, &Value<'_>) -> bool,
) {
    let Some(members) = value.as_object() else {
        return write_canonical(output, value);
    };
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&index| &members[index].0);
    output.push(b'{');
    let mut is_first = true;
    for (place, &index) in order.iter().enumerate() {
        let (name, value) = &members[index];
        // The sort is stable, so the last of equal names stands last.
        let is_repeated = order.get(place + 1).is_some_and(|&next| members[next].0 == *name);
        if is_repeated {
            continue;
        }
        let before = output.len();
        if !is_first {
            output.push(b',');
        }
        if write(output, name, value) {
            is_first = false;
        } else {
            output.truncate(before);
        }
    }
    output.push(b'}');
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
