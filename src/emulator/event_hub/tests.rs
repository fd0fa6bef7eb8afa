//! Tables over the parts that need no connection.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_amqp::Value;
use tokio::sync::watch;

use crate::event::Timestamp;

use super::body::{Body, Template};
use super::codec::{list, string, take_value, value_length};
use super::filter::{Start, parse};
use super::log::{Content, Log, Partition, offset, sequence_after_offset};
use super::receivers::{Claim, Receivers, Refusal};

fn now() -> Timestamp {
    Timestamp::from_millis(1000)
}

/// Sequence number and body of all events from `start` on.
fn read(partition: &Partition, start: i64) -> Vec<(i64, String)> {
    let mut events = Vec::new();
    partition.for_each_from(start, |event| {
        let mut bytes = Vec::new();
        match event.body {
            Content::Body(body) => body.put(&mut bytes),
            Content::Rendered(template, counter) => template.put(counter, &mut bytes),
        }
        // After the eight bytes of the section's header.
        events.push((
            event.sequence_number,
            String::from_utf8(bytes.split_off(8)).unwrap(),
        ));
        ControlFlow::Continue(())
    });
    events
}

fn body(text: &str) -> Body {
    Body::Data(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn selectors_are_read() {
    let cases = [
        ("amqp.annotation.x-opt-offset > '-1'", Some(Start::Earliest)),
        (
            "amqp.annotation.x-opt-offset > '@latest'",
            Some(Start::Latest { inclusive: false }),
        ),
        (
            "amqp.annotation.x-opt-offset >= '12'",
            Some(Start::Offset {
                text: "12".to_owned(),
                inclusive: true,
            }),
        ),
        (
            "amqp.annotation.x-opt-sequence-number > 7",
            Some(Start::SequenceNumber {
                number: 7,
                inclusive: false,
            }),
        ),
        (
            "amqp.annotation.x-opt-enqueued-time >'1000'",
            Some(Start::EnqueuedTime {
                time: now(),
                inclusive: false,
            }),
        ),
        ("amqp.annotation.x-opt-sequence-number > 'x'", None),
        ("amqp.annotation.x-opt-offset = '1'", None),
        ("", None),
    ];
    for (selector, expected) in cases {
        assert_eq!(parse(selector).ok(), expected, "{selector}");
    }
}

#[test]
fn offsets_between_events_mean_the_next_one() {
    let cases = [
        (offset(3), false, 4),
        (offset(3), true, 3),
        (offset(3) + 1, false, 4),
        (offset(3) + 1, true, 4),
        (0, false, 1),
        (0, true, 0),
    ];
    for (number, inclusive, expected) in cases {
        assert_eq!(
            sequence_after_offset(number, inclusive),
            expected,
            "{number} {inclusive}"
        );
    }
}

#[test]
fn never_used_partition_has_no_position() {
    let partition = Partition::default();
    assert_eq!(Start::Earliest.resolve(&partition).unwrap(), 0);
    assert_eq!(Start::Latest { inclusive: false }.resolve(&partition).unwrap(), 0);
    let refused = parse("amqp.annotation.x-opt-sequence-number > '-1'")
        .unwrap()
        .resolve(&partition)
        .unwrap_err();
    assert_eq!(refused.condition, "com.microsoft:argument-error");
}

#[test]
fn repeated_lines_are_spread_and_numbered() {
    let lines: Arc<[Template]> = ["a{{sequence}}", "b{{sequence}}-{{sequence}}", "c"]
        .into_iter()
        .map(Template::new)
        .collect();
    let mut log = Log::new(2, None, now());
    log.append_repeated(&lines, 3, now());
    log.partitions[0].append(body("own"), None, now());
    log.append_repeated(&lines, 4, now());
    let expect = |events: &[(i64, &str)]| {
        events
            .iter()
            .map(|(number, text)| (*number, (*text).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        read(&log.partitions[0], 0),
        expect(&[(0, "a0"), (1, "c"), (2, "own"), (3, "b4-4"), (4, "a6")])
    );
    assert_eq!(
        read(&log.partitions[1], 0),
        expect(&[(0, "b1-1"), (1, "a3"), (2, "c")])
    );
}

#[test]
fn retention_keeps_the_newest() {
    let mut log = Log::new(1, Some(3), now());
    for number in 0..10 {
        log.partitions[0].append(body(&number.to_string()), None, now());
    }
    let numbers: Vec<i64> = read(&log.partitions[0], 0).iter().map(|event| event.0).collect();
    assert_eq!(numbers, [7, 8, 9]);
    assert_eq!(log.partitions[0].begin(), 7);
    log.partitions[0].truncate(100);
    assert!(log.partitions[0].is_empty());
    assert_eq!(log.partitions[0].last(), 9);
}

#[test]
fn membership_ends_when_dropped() {
    let receivers = Receivers::new(watch::Sender::new(0));
    let claim = |epoch| Claim {
        group: "$default".to_owned(),
        partition: 0,
        epoch,
        name: "reader".to_owned(),
    };
    let high = receivers.attach(claim(Some(5))).unwrap();
    assert!(matches!(
        receivers.attach(claim(Some(4))),
        Err(Refusal::Stolen(_))
    ));
    assert!(matches!(receivers.attach(claim(None)), Err(Refusal::Stolen(_))));
    let higher = receivers.attach(claim(Some(6))).unwrap();
    assert!(high.evicted().is_some());
    assert!(higher.evicted().is_none());
    drop(higher);
    // The evicted one still stands in the list until its link is gone, and must not block others.
    let plain = receivers.attach(claim(None)).unwrap();
    assert!(plain.evicted().is_none());
    assert_eq!(receivers.attached(0), 1);
}

#[test]
fn nested_descriptors_do_not_exhaust_the_stack() {
    assert_eq!(value_length(&vec![0; 1 << 20]), None);
}

proptest! {
    /// A length is found only for whole values, and then it is the right one.
    #[test]
    fn value_length_is_exact(text in ".{0,400}", number in any::<i64>(), cut in any::<prop::sample::Index>()) {
        let value = list(0x70, vec![string(text), Value::Long(number), Value::Null, Value::Bool(true)]);
        let bytes = serde_amqp::to_vec(&value).unwrap();
        let length = cut.index(bytes.len());
        prop_assert_eq!(value_length(&bytes[..length]), None);
        let mut longer = bytes.clone();
        longer.extend([1, 2, 3]);
        let (decoded, rest) = take_value(&longer, "test").unwrap();
        prop_assert_eq!(decoded, value);
        prop_assert_eq!(rest, &[1, 2, 3]);
    }

    /// No bytes of a peer make the scan panic.
    #[test]
    fn value_length_takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some(length) = value_length(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }
}
