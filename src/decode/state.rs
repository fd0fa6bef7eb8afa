//! `$record.state`: two records of one item with the same state say the same about it.
//!
//! The state is a hash of the document in a canonical form: members sorted by name, the last of equal names only,
//! without the enrichment blocks and without the moment a finding was generated, which changes with every scan.

use sha2::{Digest, Sha256};

use super::enrichment;
use super::json::{Value, write_string, write_value};
use crate::event::{Kind, Record};

/// Members of a score's `properties` that move with the score from one week to the next without a change of its scale.
const MOVING: [&str; 4] = [
    "weight",
    "healthyResourceCount",
    "unhealthyResourceCount",
    "notApplicableResourceCount",
];

/// Members of its `score` that do.
const MOVING_IN_SCORE: [&str; 2] = ["current", "percentage"];

/// SHA-256 of the canonical form, as 64 lower-case hexadecimal digits; `None` for what is no JSON.
pub fn state(record: &Record<'_>) -> Option<String> {
    (record.kind != Kind::Undecodable).then(|| hexadecimal(&digest(record)))
}

/// SHA-256 of the canonical form, as bytes.
pub fn digest(record: &Record<'_>) -> [u8; 32] {
    let mut canonical = Vec::with_capacity(record.range.len());
    write_document(&mut canonical, &record.document, &|output, name, value| {
        if record.kind == Kind::SubAssessment && name.eq_ignore_ascii_case("timeGenerated") {
            return false;
        }
        write_member(output, name, value)
    });
    Sha256::digest(&canonical).into()
}

/// SHA-256 of a score's canonical form without the numbers that move with the score: what is left is its scale, such as
/// the most it can reach, and its names.
pub fn score_scale_digest(record: &Record<'_>) -> [u8; 32] {
    let is_one = |names: &[&str], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut canonical = Vec::with_capacity(record.range.len());
    write_document(&mut canonical, &record.document, &|output, name, value| {
        if is_one(&MOVING, name) {
            return false;
        }
        if !name.eq_ignore_ascii_case("score") {
            return write_member(output, name, value);
        }
        write_name(output, name);
        write_sorted(output, value, &|output, name, value| {
            !is_one(&MOVING_IN_SCORE, name) && write_member(output, name, value)
        });
        true
    });
    Sha256::digest(&canonical).into()
}

/// Writes the document without its enrichment; the members of `properties` with `write_property`, as [`write_sorted`].
fn write_document(
    output: &mut Vec<u8>,
    document: &Value<'_>,
    write_property: &dyn Fn(&mut Vec<u8>, &str, &Value<'_>) -> bool,
) {
    write_sorted(output, document, &|output, name, value| {
        if enrichment::is_block(name) {
            return false;
        }
        if !name.eq_ignore_ascii_case("properties") {
            return write_member(output, name, value);
        }
        write_name(output, name);
        write_sorted(output, value, write_property);
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
    write_name(output, name);
    write_canonical(output, value);
    true
}

fn write_name(output: &mut Vec<u8>, name: &str) {
    write_string(output, name);
    output.push(b':');
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
