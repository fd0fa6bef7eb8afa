//! Events that the AMQP library refuses.

use std::time::Duration;

use hub2siem::emulator::event_hub::{Body, Options};
use hub2siem::event::SequenceNumber;
use hub2siem::eventhub::{Standing, StartPosition, Step};

use crate::support::{append, checkpoint, client, hub, next, numbers, read, reader, settings, start, within};

/// Scenario: events the library cannot decode stand first and in the middle.
/// Guarantees: each is told with its number, passed, and not met again after a reconnect.
#[tokio::test]
async fn passes_what_cannot_be_decoded() {
    let hub = hub(1).await;
    hub.append(0, broken());
    append(&hub, 0, 1);
    hub.append(0, broken());
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, others) = read(&mut reader, 2).await;
    assert_eq!(numbers(&events), [1, 3]);
    assert_eq!(unreadable(&others), [0, 2]);
    assert!(
        !others.iter().any(|step| matches!(step, Step::Detached { .. })),
        "{others:?}"
    );
    hub.faults().drop_connections();
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [4]);
    assert!(unreadable(&others).is_empty(), "{others:?}");
    reader.close().await;
}

/// Scenario: retention has removed what follows the checkpoint, up to an event that the library cannot decode.
/// Guarantees: what was removed is told as lost, before that event is passed.
#[tokio::test]
async fn what_was_removed_before_an_unreadable_event_is_lost() {
    let mut options = Options::new("defender", 1);
    options.retention = Some(2);
    let hub = start(options).await;
    append(&hub, 0, 4);
    hub.append(0, broken());
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(0, None)));
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [5]);
    let (lost, rest): (Vec<_>, Vec<_>) = others.iter().partition(|step| matches!(step, Step::Lost(_)));
    let [Step::Lost(loss)] = lost[..] else {
        panic!("{others:?}");
    };
    assert_eq!(
        (loss.events, loss.after, loss.before),
        (3, SequenceNumber(0), SequenceNumber(4))
    );
    let before = others.iter().position(|step| matches!(step, Step::Lost(_)));
    let passed = others
        .iter()
        .position(|step| matches!(step, Step::Unreadable { .. }));
    assert!(before < passed, "{others:?}");
    assert!(
        !rest.iter().any(|step| matches!(step, Step::Missing { .. })),
        "{others:?}"
    );
    reader.close().await;
}

/// Scenario: the newest event cannot be decoded, and nothing follows it that would tell its number; retention has removed what was
/// before it.
/// Guarantees: what the hub says tells the number, once, with what is lost before it; and the reader is not behind.
#[tokio::test]
async fn the_hub_tells_the_number_of_an_unreadable_newest_event() {
    let mut options = Options::new("defender", 1);
    options.retention = Some(1);
    let hub = start(options).await;
    append(&hub, 0, 4);
    hub.append(0, broken());
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(0, None)));
    let properties = within(client.partition_properties(reader.partition()))
        .await
        .expect("the hub answers");
    let step = next(&mut reader, 2).await;
    assert!(matches!(step, Step::Attached { .. }), "{step:?}");
    let newest = SequenceNumber(4);
    within(async {
        while reader.unnumbered().is_none() {
            let _ = tokio::time::timeout(Duration::from_millis(20), reader.next(2)).await;
        }
    })
    .await;
    assert_eq!(reader.standing(&properties), Standing::Unread(newest));
    reader.pass_unread(&properties, newest);
    let steps = [next(&mut reader, 2).await, next(&mut reader, 2).await];
    assert!(
        matches!(&steps, [Step::Lost(loss), Step::Unreadable { sequence_number, .. }]
            if (loss.events, loss.before) == (3, newest) && *sequence_number == newest),
        "{steps:?}"
    );
    assert_eq!(reader.standing(&properties), Standing::Level);
    reader.pass_unread(&properties, newest);
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [5]);
    assert!(others.is_empty(), "{others:?}");
    reader.close().await;
}

/// Scenario: of unreadable events that keep coming the first is passed by what the hub says, while one is on its way; then one
/// comes that can be read.
/// Guarantees: one on its way hides none of those before it; each is passed with its own number, once, and what can be read
/// arrives.
#[tokio::test]
async fn what_was_refused_after_those_passed_keeps_its_number() {
    let hub = hub(1).await;
    append(&hub, 0, 4);
    hub.append(0, broken());
    hub.append(0, broken());
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(3, None)));
    let partition = reader.partition().clone();
    let asked = async || {
        let answer = within(client.partition_properties(&partition)).await;
        answer.expect("the hub answers")
    };
    let refused = async |reader: &mut hub2siem::eventhub::PartitionReader, count: i64| {
        within(async {
            while reader.unnumbered().is_none_or(|(refused, _)| refused < count) {
                let _ = tokio::time::timeout(Duration::from_millis(20), reader.next(9)).await;
            }
        })
        .await;
    };
    let step = next(&mut reader, 9).await;
    assert!(matches!(step, Step::Attached { .. }), "{step:?}");
    refused(&mut reader, 2).await;
    let [four, five] = [4, 5].map(SequenceNumber);
    assert_eq!(reader.standing(&asked().await), Standing::Unread(five));
    hub.append(0, broken());
    refused(&mut reader, 3).await;
    hub.append(0, broken());
    let properties = asked().await;
    assert_eq!(reader.standing(&properties), Standing::Unread(five));
    assert_eq!(
        reader.standing(&properties),
        Standing::Behind,
        "nothing came since"
    );
    reader.pass_unread(&properties, SequenceNumber(3));
    reader.pass_unread(&properties, four);
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [8]);
    let passed = others.iter().map(|step| match step {
        Step::Unreadable { sequence_number, .. } => Some(sequence_number.0),
        _ => None,
    });
    assert_eq!(passed.collect::<Vec<_>>(), [Some(4), Some(5), Some(6), Some(7)]);
    reader.close().await;
}

/// Scenario: the service announces a limit of size and sends larger events all the same, which ends the link.
/// Guarantees: each such event is told with its number and passed; the others arrive.
#[tokio::test]
async fn passes_what_is_too_large() {
    let hub = hub(1).await;
    hub.faults().advertised_message_size(Some(1000));
    hub.append(0, vec![b'x'; 5000]);
    append(&hub, 0, 2);
    hub.append(0, vec![b'x'; 5000]);
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, others) = read(&mut reader, 3).await;
    assert_eq!(numbers(&events), [1, 2, 4]);
    assert_eq!(unreadable(&others), [0, 3]);
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Missing { .. }))
    );
    reader.close().await;
}

/// What no library decodes.
fn broken() -> Body {
    Body::Encoded(vec![0x00, 0x53, 0x75, 0xb0, 0xff, 0xff, 0xff, 0xff].into())
}

fn unreadable(steps: &[Step]) -> Vec<i64> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Unreadable { sequence_number, .. } => Some(sequence_number.0),
            _ => None,
        })
        .collect()
}
