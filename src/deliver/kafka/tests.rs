//! Messages and lanes, without a broker.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{Headers, OwnedHeaders};
use tokio::time::Instant;

use super::config::{Kafka, Key};
use super::lane::Lane;
use super::message::{Message, headers};
use super::settings::Settings;
use crate::acknowledge::{EventInFlight, InFlight, Window};
use crate::event::rendered::About;
use crate::event::{
    Details, Event, EventId, Hub, Kind, Offset, PartitionId, Rendered, SequenceNumber, Timestamp,
};

fn hub() -> Hub {
    Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    }
}

/// A record of the event with this number, and the key.
fn record(number: i64, key: &str) -> Rendered {
    let window = Window::new(1_000, 1 << 20);
    record_in(&InFlight::new(PartitionId::new("3"), 0, window), number, key)
}

/// The same, taken in by `tracker`.
pub(super) fn record_in(tracker: &Arc<InFlight>, number: i64, key: &str) -> Rendered {
    let event = begin(tracker, number);
    let record = record_of(&event, key);
    event.close();
    record
}

/// Takes the event with this number in.
pub(super) fn begin(tracker: &Arc<InFlight>, number: i64) -> Arc<EventInFlight> {
    tracker.begin(&Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(number),
        offset: Offset::new(number.to_string()),
        enqueued_time: Timestamp::from_millis(1_700_000_000_123),
        body: Bytes::new(),
        last_enqueued: None,
    })
}

/// A record of an event that is not closed yet.
pub(super) fn record_of(event: &Arc<EventInFlight>, key: &str) -> Rendered {
    let position = event.position();
    let event_id = EventId::new(
        &hub(),
        event.partition(),
        position.sequence_number,
        position.enqueued_time,
        0,
    );
    Rendered {
        bytes: "{\"a\":1}".into(),
        about: About {
            kind: Kind::Assessment,
            index: 0,
            event_id,
            key: Some(key.into()),
            time: Timestamp::from_millis(1_600_000_000_000),
            is_snapshot: false,
            mapping_revision: Some("ecs/assessment@4".into()),
            details: Some(Box::new(Details {
                action: Some("Delete".into()),
                severity: None,
                resource_id: Some("/subscriptions/S/vm".into()),
                subscription: Some("s".into()),
            })),
        },
        original: None,
        held: event.tracker().expect("it is of a partition").window().hold(7),
        ticket: event.ticket(),
    }
}

fn settings(lines: &str) -> Settings {
    let yaml = format!("brokers: k:1\ntopic: 'mdc.{{kind}}'\n{lines}");
    let options: Kafka = serde_saphyr::from_str(&yaml).expect("they are valid");
    Settings::new(&options).expect("they can be used")
}

fn texts(headers: &OwnedHeaders) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is text");
    headers
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
        .collect()
}

#[test]
fn a_record_becomes_a_message() {
    let record = record(4711, "/subscriptions/s/item");
    let cases = [
        ("", Some("/subscriptions/s/item"), true),
        ("tombstones: true", Some("/subscriptions/s/item"), false),
        ("key: resource", Some("/subscriptions/S/vm"), true),
        ("key: subscription", Some("s"), true),
        ("key: none", None, true),
    ];
    for (lines, key, has_value) in cases {
        let settings = settings(lines);
        let message = Message::of(&record, &settings);
        assert_eq!(message.topic, "mdc.assessment");
        assert_eq!(message.key, key, "{lines}");
        assert_eq!(
            message.value,
            has_value.then_some(b"{\"a\":1}".as_slice()),
            "{lines}"
        );
        assert_eq!(message.timestamp_ms, 1_700_000_000_123);
    }
}

#[test]
fn headers_say_where_it_comes_from() {
    let mut record = record(4711, "item");
    let id = record.about.event_id.to_string();
    let expected = [
        ("event_id", id.as_str()),
        ("kind", "assessment"),
        ("event_time", "2020-09-13T12:26:40.000Z"),
        ("action", "Delete"),
        ("is_snapshot", "false"),
        ("hub", "contoso.servicebus.windows.net/defender"),
        ("hub_partition", "3"),
        ("hub_sequence_number", "4711"),
        ("hub_enqueued_time", "2023-11-14T22:13:20.123Z"),
        ("mapping", "ecs/assessment"),
        ("mapping_revision", "4"),
        ("content-type", "application/json"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(texts(&headers(&record, &hub())), expected);

    record.bytes = "CEF:0|".into();
    record.about.details = None;
    record.about.mapping_revision = None;
    let headers = texts(&headers(&record, &hub()));
    assert_eq!(headers.len(), 10, "what a record lacks is left out: {headers:?}");
    let has = |key: &str, value: &str| headers.contains(&(key.to_owned(), value.to_owned()));
    assert!(has("mapping", "native") && has("content-type", "text/plain; charset=utf-8"));
}

/// A lane with records of these keys, all handed over.
fn lane(keys: &[&str]) -> Lane {
    let mut lane = Lane::new("mdc".to_owned());
    for (number, key) in (0..).zip(keys) {
        lane.push(record(number, key));
    }
    hand_over(&mut lane);
    lane
}

/// Hands over whatever may go. Gives the numbers of the events by the numbers they were handed over with.
fn hand_over(lane: &mut Lane) -> Vec<(usize, i64)> {
    let mut handed = Vec::new();
    while let Some((number, pending)) = lane.next() {
        handed.push((number, pending.record.ticket.event().position().sequence_number.0));
        lane.handed_over(100, Instant::now());
    }
    handed
}

#[test]
fn what_failed_goes_first_and_nothing_before_all_is_reported() {
    let mut lane = lane(&["a", "b", "c"]);
    lane.push(record(3, "d"));
    let failed = lane.reported(1).expect("it was on its way");
    assert_eq!(
        failed.record.held.bytes(),
        7,
        "room of the client library is given back"
    );
    lane.failed(failed, Key::Item);
    lane.settle_down();
    assert_eq!(hand_over(&mut lane), [], "two are on their way");
    lane.reported(0).expect("it was on its way");
    let failed = lane.reported(2).expect("it was on its way");
    assert!(!lane.was_too_early(&failed, Key::Item), "another key");
    lane.failed(failed, Key::Item);
    lane.settle_down();
    assert_eq!(hand_over(&mut lane), [(3, 1), (4, 2), (5, 3)]);
    assert!(lane.reported(1).is_none(), "that is known already");
}

#[test]
fn a_younger_record_of_the_same_key_goes_again() {
    let mut lane = lane(&["a", "b", "a"]);
    for number in [0, 1] {
        let pending = lane.reported(number).expect("it was on its way");
        match number {
            0 => lane.failed(pending, Key::Item),
            _ => assert!(!lane.was_too_early(&pending, Key::Item)),
        }
    }
    let younger = lane.reported(2).expect("it was on its way");
    assert!(lane.was_too_early(&younger, Key::Item));
    assert!(
        !lane.was_too_early(&younger, Key::None),
        "without a key there is no order"
    );
    lane.failed(younger, Key::Item);
    lane.settle_down();
    assert_eq!(hand_over(&mut lane), [(3, 0), (4, 2)]);
}

#[test]
fn the_record_that_a_batch_is_refused_for_is_found() {
    let keys: Vec<String> = (0..9).map(|number| number.to_string()).collect();
    let mut lane = lane(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut handed, mut tries) = (
        (0..9).map(|number| (number as usize, number)).collect::<Vec<_>>(),
        0,
    );
    let (mut delivered, mut rejected) = (Vec::new(), Vec::new());
    while !handed.is_empty() {
        tries += 1;
        let is_refused = handed.iter().any(|(_, event)| *event == 5);
        for (number, event) in handed {
            let pending = lane.reported(number).expect("it was on its way");
            match is_refused {
                true => rejected.extend(lane.suspect(pending, Key::Item).err().map(|_| event)),
                false => delivered.push(event),
            }
        }
        lane.settle_down();
        handed = hand_over(&mut lane);
    }
    assert_eq!((rejected.as_slice(), delivered.len()), ([5].as_slice(), 8));
    assert!(delivered.is_sorted(), "{delivered:?}");
    assert!(tries < 9, "{tries} tries");
}

#[test]
fn a_producer_that_broke_gives_everything_back() {
    let mut lane = lane(&["a", "b"]);
    assert_eq!((lane.sent(), lane.waiting()), (2, 0));
    assert_eq!(lane.take_back(Key::Item), 2);
    assert_eq!((lane.sent(), lane.waiting()), (0, 2));
    assert_eq!(hand_over(&mut lane), [(2, 0), (3, 1)]);
}
