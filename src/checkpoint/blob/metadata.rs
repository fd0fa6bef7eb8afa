//! A checkpoint as the metadata of its blob.
//!
//! Other consumers write two keys, `sequencenumber` and `offset`, and read no others; ours stand beside them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::Error;
use crate::checkpoint::layout::{Checkpoint, TargetPosition, VERSION};
use crate::event::{Offset, SequenceNumber, Timestamp};

/// The service takes 8 KiB of names and values; a third of the rest is left to what it adds to them.
pub const MAX_METADATA_BYTES: usize = 6 << 10;

/// What consumers write for an offset they do not have.
pub const NO_OFFSET: &str = "no offset";

/// The offset before the first event of a partition.
const FIRST_OFFSET: &str = "-1";

const SEQUENCE_NUMBER: &str = "sequencenumber";
const OFFSET: &str = "offset";
const ENQUEUED_TIME: &str = "enqueuedtimems";
const HUB_CREATED_AT: &str = "hubcreatedat";
const TARGETS: &str = "targetpositions";

/// The metadata of a checkpoint. Both keys of the layout are always there and never empty: consumers fail where one lacks.
///
/// Positions of targets that do not fit are left out, those nearest to the shared position first: they save the fewest
/// repeats.
pub fn write(checkpoint: &Checkpoint) -> HashMap<String, String> {
    let offset = match checkpoint.offset.as_str() {
        text if is_offset(text) => text,
        _ if checkpoint.sequence_number.0 < 0 => FIRST_OFFSET,
        _ => NO_OFFSET,
    };
    let mut metadata = HashMap::from([
        (SEQUENCE_NUMBER.to_owned(), checkpoint.sequence_number.to_string()),
        (OFFSET.to_owned(), offset.to_owned()),
        (
            ENQUEUED_TIME.to_owned(),
            checkpoint.enqueued_time.as_millis().to_string(),
        ),
    ]);
    if let Some(created_at) = checkpoint.hub_created_at {
        metadata.insert(HUB_CREATED_AT.to_owned(), created_at.to_string());
    }
    let used: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if let Some(targets) = write_targets(&checkpoint.targets, MAX_METADATA_BYTES.saturating_sub(used)) {
        metadata.insert(TARGETS.to_owned(), targets);
    }
    metadata
}

/// The checkpoint that metadata says; names of keys in lower case.
///
/// Errors: neither a sequence number nor an offset, or a sequence number that is none. A blob that lost its metadata is not
/// taken for a fresh start.
pub fn read(blob: &str, metadata: &BTreeMap<String, String>) -> Result<Checkpoint, Error> {
    let invalid = |detail: &str| Error::Invalid {
        blob: blob.to_owned(),
        detail: detail.to_owned(),
    };
    let value = |name: &str| metadata.get(name).map(|text| text.trim());
    let offset = value(OFFSET).filter(|text| is_offset(text));
    let sequence_number = match value(SEQUENCE_NUMBER).filter(|text| !text.is_empty()) {
        Some(text) => match text.parse() {
            Ok(number) if number >= -1 => SequenceNumber(number),
            _ => return Err(invalid(&format!("its sequence number is `{text}`"))),
        },
        None if offset.is_some() => SequenceNumber::UNKNOWN,
        None => return Err(invalid("it has neither a sequence number nor an offset")),
    };
    let millis = value(ENQUEUED_TIME).and_then(|text| text.parse().ok());
    Ok(Checkpoint {
        version: VERSION,
        sequence_number,
        offset: Offset::new(offset.unwrap_or_default()),
        enqueued_time: millis.map_or(Timestamp::UNKNOWN, Timestamp::from_millis),
        hub_created_at: value(HUB_CREATED_AT).and_then(Timestamp::parse),
        stored_at: None,
        // Without them nothing but repeats is lost, so what cannot be read does not stop a start.
        targets: value(TARGETS)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default(),
    })
}

/// Whether an offset is one. Consumers wrote empty ones and the words for "none".
fn is_offset(text: &str) -> bool {
    !text.is_empty() && !text.eq_ignore_ascii_case(NO_OFFSET)
}

/// ASCII JSON of at most `room` bytes, with its key; `None` if nothing is ahead.
fn write_targets(targets: &BTreeMap<String, TargetPosition>, room: usize) -> Option<String> {
    let mut farthest: Vec<_> = targets.iter().collect();
    farthest.sort_by_key(|(name, position)| (std::cmp::Reverse(position.sequence_number), *name));
    let mut kept: BTreeMap<&str, String> = BTreeMap::new();
    let mut used = TARGETS.len() + "{}".len();
    for (name, position) in farthest {
        let entry = to_ascii(&format!(
            "{}:{}",
            serde_json::Value::from(name.as_str()),
            serde_json::to_string(position).expect("a position has plain values")
        ));
        used += entry.len() + ",".len();
        if used > room {
            break;
        }
        kept.insert(name, entry);
    }
    if kept.is_empty() {
        return None;
    }
    let entries: Vec<_> = kept.into_values().collect();
    Some(format!("{{{}}}", entries.join(",")))
}

/// JSON in which every character beyond ASCII is escaped: headers carry nothing else.
fn to_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(ascii, "\\u{unit:04x}").expect("writing to a String cannot fail");
        }
    }
    ascii
}

#[cfg(test)]
mod tests;
