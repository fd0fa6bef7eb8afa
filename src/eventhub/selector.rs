//! The filter that says where a link starts.

use fe2o3_amqp_types::messaging::FilterSet;
use fe2o3_amqp_types::primitives::{Symbol, Value};
use serde_amqp::described::Described;
use serde_amqp::descriptor::Descriptor;

use super::settings::{Position, StartPosition};

const FILTER: &str = "apache.org:selector-filter:string";

/// The selector of a start position. The offset is preferred, because the service finds it faster; `skip_offset`
/// falls back to the sequence number.
pub(super) fn selector(start: &StartPosition, skip_offset: bool) -> String {
    match start {
        StartPosition::Earliest => offset(">", "-1"),
        StartPosition::EnqueuedAfter(moment) => {
            format!("amqp.annotation.x-opt-enqueued-time > '{}'", moment.as_millis())
        }
        StartPosition::SequenceNumber(number) => {
            format!("amqp.annotation.x-opt-sequence-number >= '{number}'")
        }
        StartPosition::Offset(text) => offset(">=", text.as_str()),
        StartPosition::After(position) => after(position, skip_offset),
    }
}

/// Wraps a selector as the source's filter set.
pub(super) fn filter(selector: &str) -> FilterSet {
    let mut filters = FilterSet::new();
    let described = Described {
        descriptor: Descriptor::Name(Symbol::from(FILTER)),
        value: Value::String(selector.to_owned()),
    };
    filters.insert(Symbol::from(FILTER), Value::Described(Box::new(described)));
    filters
}

fn after(position: &Position, skip_offset: bool) -> String {
    // A partition that never held an event has no number to stand after; the service refuses -1 there.
    if position.sequence_number.0 < 0 {
        return offset(">", "-1");
    }
    match usable_offset(position) {
        Some(text) if !skip_offset => offset(">", text),
        _ => format!(
            "amqp.annotation.x-opt-sequence-number > '{}'",
            position.sequence_number
        ),
    }
}

/// The offset, unless it is one of the words that older clients store for "none".
pub(super) fn usable_offset(position: &Position) -> Option<&str> {
    let text = position.offset.as_ref()?.as_str();
    (!text.is_empty() && !text.eq_ignore_ascii_case("no offset")).then_some(text)
}

fn offset(operator: &str, text: &str) -> String {
    // A quote would end the literal; doubling it is how selectors escape one.
    format!(
        "amqp.annotation.x-opt-offset {operator} '{}'",
        text.replace('\'', "''")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, SequenceNumber, Timestamp};

    fn position(sequence_number: i64, offset: Option<&str>) -> StartPosition {
        StartPosition::After(Position {
            sequence_number: SequenceNumber(sequence_number),
            offset: offset.map(Offset::new),
            enqueued_time: None,
            hub_created_at: None,
        })
    }

    #[test]
    fn writes_every_position() {
        let cases = [
            (StartPosition::Earliest, false, "x-opt-offset > '-1'"),
            (
                StartPosition::EnqueuedAfter(Timestamp::from_millis(1_700_000_000_123)),
                false,
                "x-opt-enqueued-time > '1700000000123'",
            ),
            (
                StartPosition::SequenceNumber(SequenceNumber(17)),
                false,
                "x-opt-sequence-number >= '17'",
            ),
            (
                StartPosition::Offset(Offset::new("1:2:3")),
                false,
                "x-opt-offset >= '1:2:3'",
            ),
            (position(17, Some("4096")), false, "x-opt-offset > '4096'"),
            (position(17, Some("4096")), true, "x-opt-sequence-number > '17'"),
            (position(17, Some("")), false, "x-opt-sequence-number > '17'"),
            (
                position(17, Some("No Offset")),
                false,
                "x-opt-sequence-number > '17'",
            ),
            (position(17, None), false, "x-opt-sequence-number > '17'"),
            (position(-1, Some("-1")), true, "x-opt-offset > '-1'"),
            (position(3, Some("a'b")), false, "x-opt-offset > 'a''b'"),
        ];
        for (start, skip_offset, expected) in cases {
            assert_eq!(
                selector(&start, skip_offset),
                format!("amqp.annotation.{expected}")
            );
        }
    }
}
