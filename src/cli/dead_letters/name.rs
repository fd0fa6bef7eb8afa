//! How dead letters are named on the command line.

use std::str::FromStr;

use crate::deliver::dead_letter::{Entry, LetterId};

/// The fewest digits of an `event_id` that name one.
const MIN_DIGITS: usize = 6;

/// One letter, or those of one event or delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The id that `list` prints.
    Letter(LetterId),
    /// An event by `PARTITION/SEQUENCE_NUMBER`.
    Event(String, i64),
    /// The `event_id` of a record, or its beginning; lower case.
    EventId(String),
}

impl Name {
    /// Whether it is one of `entry`.
    pub fn is_of(&self, entry: &Entry) -> bool {
        let letter = &entry.letter;
        match self {
            Name::Letter(id) => *id == entry.id,
            Name::Event(partition, number) => {
                letter.partition == *partition && letter.sequence_number == *number
            }
            Name::EventId(beginning) => letter
                .event_id
                .as_deref()
                .is_some_and(|id| id.starts_with(beginning)),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let event = text.split_once('/').and_then(|(partition, number)| {
            let number = number.parse().ok()?;
            Some(Name::Event(partition.to_owned(), number))
        });
        let is_digits = text.len() >= MIN_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = || match is_digits {
            true => Some(Name::EventId(text.to_ascii_lowercase())),
            false => text.parse().ok().map(Name::Letter),
        };
        event.or_else(id).ok_or_else(|| {
            format!(
                "write the id that `dead-letters list` prints, {MIN_DIGITS} or more digits of an event_id, or \
                 PARTITION/SEQUENCE_NUMBER"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let letter = |file: &str, offset| {
            Some(Name::Letter(LetterId {
                file: file.into(),
                offset,
            }))
        };
        for (text, expected) in [
            ("20260201T101530123-0", letter("20260201T101530123", 0)),
            ("2026-02-01-17", letter("2026-02-01", 17)),
            ("3/4711", Some(Name::Event("3".to_owned(), 4711))),
            ("C6D388", Some(Name::EventId("c6d388".to_owned()))),
            ("c6d38", None),
            ("3/x", None),
            ("nobody", None),
        ] {
            assert_eq!(text.parse::<Name>().ok(), expected, "{text}");
        }
    }
}
