//! Where a receiver starts.

use hub2siem::emulator::event_hub::EventHubEmulator;
use hub2siem::event::{SequenceNumber, Timestamp};

use crate::client::{Attach, Client, next, take, within};
use crate::hub;

const BASE: i64 = 1_700_000_000_000;

/// Five events, one a second.
async fn five() -> EventHubEmulator {
    let emulator = hub(1, 0).await;
    for number in 0..5 {
        let body = format!("event-{number}").into_bytes();
        emulator.append_at(0, body, Timestamp::from_millis(BASE + number * 1000));
    }
    emulator
}

/// Scenario: a receiver attaches with each kind of selector, in both spellings of its descriptor.
/// Guarantees: the first event it gets is the one the selector means.
#[tokio::test]
async fn selector_decides_the_first_event() {
    let emulator = five().await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut whole = client
        .attach(Attach::at("0", "amqp.annotation.x-opt-offset > '-1'"))
        .await
        .unwrap();
    let events = take(&mut whole, 5).await;
    within(whole.close()).await.unwrap();
    let offset = &events[2].offset;
    assert_ne!(*offset, "2", "offsets are no sequence numbers");
    let cases = [
        ("amqp.annotation.x-opt-offset > '-1'".to_owned(), 0),
        (format!("amqp.annotation.x-opt-offset > '{offset}'"), 3),
        (format!("amqp.annotation.x-opt-offset >= '{offset}'"), 2),
        ("amqp.annotation.x-opt-sequence-number > '1'".to_owned(), 2),
        ("amqp.annotation.x-opt-sequence-number >= '1'".to_owned(), 1),
        ("amqp.annotation.x-opt-sequence-number > '-1'".to_owned(), 0),
        (
            format!("amqp.annotation.x-opt-enqueued-time > '{}'", BASE + 1000),
            2,
        ),
        (
            format!("amqp.annotation.x-opt-enqueued-time >= '{}'", BASE + 1000),
            1,
        ),
        (
            format!("amqp.annotation.x-opt-enqueued-time > '{}'", BASE + 2500),
            3,
        ),
    ];
    for (selector, expected) in &cases {
        for descriptor_code in [false, true] {
            let attach = Attach {
                descriptor_code,
                ..Attach::at("0", selector)
            };
            let mut receiver = client.attach(attach).await.unwrap();
            let first = next(&mut receiver).await.unwrap();
            assert_eq!(first.sequence_number, *expected, "{selector}");
            assert_eq!(first.body, format!("event-{expected}"));
            assert_eq!(first.enqueued_time, BASE + expected * 1000);
            within(receiver.close()).await.unwrap();
        }
    }
    emulator.shutdown().await;
}

/// Scenario: a receiver attaches at the latest, and events are appended afterwards.
/// Guarantees: it gets the first of those and none before.
#[tokio::test]
async fn latest_means_what_comes_next() {
    let emulator = five().await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client
        .attach(Attach::at("0", "amqp.annotation.x-opt-offset > '@latest'"))
        .await
        .unwrap();
    emulator.append(0, b"new".to_vec());
    let first = next(&mut receiver).await.unwrap();
    assert_eq!((first.sequence_number, first.body.as_str()), (5, "new"));
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

/// Scenario: positions beyond the end, and a selector that is none.
/// Guarantees: the attach is refused as the service refuses it, with the last position in the text.
#[tokio::test]
async fn position_beyond_the_end_is_refused() {
    let emulator = five().await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let cases = [
        (
            "amqp.annotation.x-opt-offset > '9999999'",
            "The supplied offset '9999999' is invalid. The last offset in the system is",
        ),
        (
            "amqp.annotation.x-opt-sequence-number > '5'",
            "The supplied sequence number '5' is invalid. The last sequence number in the system is '4'",
        ),
        ("amqp.annotation.other > '5'", "The filter"),
    ];
    for (selector, text) in cases {
        let refused = match client.attach(Attach::at("0", selector)).await {
            Err(error) => format!("{error:?}"),
            Ok(mut receiver) => format!("{:?}", next(&mut receiver).await.unwrap_err()),
        };
        assert!(refused.contains("com.microsoft:argument-error"), "{refused}");
        assert!(refused.contains(text), "{refused}");
    }
    emulator.shutdown().await;
}

/// Scenario: retention removes events, a gap in the numbers follows, and a receiver starts before both.
/// Guarantees: reading goes on at the oldest kept event and passes the gap.
#[tokio::test]
async fn truncated_and_skipped_numbers_are_passed() {
    let emulator = five().await;
    emulator.truncate(0, SequenceNumber(3));
    emulator.skip_sequence_numbers(0, 10);
    emulator.append(0, b"after the gap".to_vec());
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client
        .attach(Attach::at("0", "amqp.annotation.x-opt-sequence-number > '0'"))
        .await
        .unwrap();
    let numbers: Vec<i64> = take(&mut receiver, 3)
        .await
        .iter()
        .map(|event| event.sequence_number)
        .collect();
    assert_eq!(numbers, [3, 4, 15]);
    assert_eq!(emulator.last_sequence_number(0), SequenceNumber(15));
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}
