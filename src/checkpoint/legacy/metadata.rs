//! The blob of the official layout: an empty body, and metadata.

use std::collections::HashMap;

use super::position::{LegacyPosition, Unreadable};
use crate::event::Timestamp;

/// Reads the metadata. A blob of this layout is made when something is settled, so there is always a position.
pub(super) fn parse(metadata: &HashMap<String, String>) -> Result<LegacyPosition, Unreadable> {
    let get = |key: &str| {
        // HTTP headers have no case, and some clients and tools write their names with capitals.
        let mut entries = metadata.iter();
        let found = entries.find(|(name, _)| name.eq_ignore_ascii_case(key));
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let sequence_number = match get("sequencenumber").map(str::parse) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return Err(Unreadable::new("metadata `sequencenumber` is no whole number")),
    };
    let millis = get("enqueuedtimems").and_then(|text| text.parse().ok());
    let offset = get("offset").map(str::to_owned);
    LegacyPosition::new(sequence_number, offset, millis.map(Timestamp::from_millis))
        .ok_or_else(|| Unreadable::new("its metadata has neither `sequencenumber` nor `offset`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, SequenceNumber};

    /// Metadata, and what it says.
    type Case = (&'static [(&'static str, &'static str)], Option<LegacyPosition>);

    #[test]
    fn reads_every_pair() {
        let position = |sequence_number: Option<i64>, offset: Option<&str>| {
            Some(LegacyPosition {
                sequence_number: sequence_number.map(SequenceNumber),
                offset: offset.map(Offset::new),
                enqueued_time: None,
            })
        };
        let cases: [Case; 10] = [
            (
                &[
                    ("offset", "4096"),
                    ("sequencenumber", "77"),
                    ("clientidentifier", "x"),
                ],
                position(Some(77), Some("4096")),
            ),
            (
                &[("Offset", "1:2:3"), ("Sequencenumber", " 77 ")],
                position(Some(77), Some("1:2:3")),
            ),
            (
                &[("offset", "no offset"), ("sequencenumber", "77")],
                position(Some(77), None),
            ),
            (
                &[("offset", ""), ("sequencenumber", "0")],
                position(Some(0), None),
            ),
            (
                &[("offset", "4096"), ("sequencenumber", "")],
                position(None, Some("4096")),
            ),
            (&[("offset", "4096")], position(None, Some("4096"))),
            (
                &[("offset", "4096"), ("sequencenumber", "-9223372036854775808")],
                position(None, Some("4096")),
            ),
            (&[("offset", ""), ("sequencenumber", "")], None),
            (&[("offset", "4096"), ("sequencenumber", "77.0")], None),
            (&[], None),
        ];
        for (entries, expected) in cases {
            let entries = entries.iter();
            let metadata = entries
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(parse(&metadata).ok(), expected, "{metadata:?}");
        }
    }
}
