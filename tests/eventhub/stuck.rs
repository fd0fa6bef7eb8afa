//! A link that brings nothing.

use std::time::Duration;

use hub2siem::emulator::event_hub::Mute;
use hub2siem::event::{Loss, PartitionId, SequenceNumber, Timestamp};
use hub2siem::eventhub::{EndReason, PartitionProperties, Standing, StartPosition, Step};

use crate::support::{
    append, checkpoint, client, hub, next, numbers, reached, read, read_until, reader, settings, within,
};

/// Scenario: the hub stops sending on one connection, answers requests on it, and takes new links there without sending.
/// Guarantees: the reader knows that it is behind; given up, the connection is replaced, and every event comes once.
#[tokio::test]
async fn a_dead_link_is_replaced_with_its_connection() {
    let hub = hub(1).await;
    append(&hub, 0, 2);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 2).await;
    let partition = PartitionId::new("0");
    let properties = within(client.partition_properties(&partition))
        .await
        .expect("the hub answers");
    assert_eq!(reader.standing(&properties), Standing::Level);

    hub.mute(0, Mute::OpenConnections);
    append(&hub, 0, 3);
    let silence = tokio::time::timeout(Duration::from_millis(300), reader.next(5)).await;
    assert!(silence.is_err(), "{silence:?}");
    assert!(reader.outstanding() > 0);
    let properties = within(client.partition_properties(&partition))
        .await
        .expect("the hub answers");
    assert_eq!(reader.standing(&properties), Standing::Behind);

    reader.give_up_connection("by a test");
    let step = next(&mut reader, 1).await;
    assert!(
        matches!(
            step,
            Step::Detached {
                reason: EndReason::Stuck,
                ..
            }
        ),
        "{step:?}"
    );
    assert!(matches!(next(&mut reader, 1).await, Step::Reattaching));
    let (events, _) = read(&mut reader, 3).await;
    assert_eq!(numbers(&events), [2, 3, 4]);
    assert_eq!(hub.statistics().connections, 2);
    reached(&hub, |statistics| statistics.open_connections == 1).await;
    reader.close().await;
}

/// Scenario: everything after the checkpoint was removed, and nothing came since.
/// Guarantees: it is counted with its numbers and times, once, and the next event is taken in as the next one.
#[tokio::test]
async fn what_was_removed_is_passed() {
    let hub = hub(1).await;
    let hours_ago = Timestamp::from_millis(Timestamp::now().as_millis() - 2 * 3_600_000);
    for _ in 0..10 {
        hub.append_at(0, b"{}".to_vec(), hours_ago);
    }
    hub.truncate(0, SequenceNumber(10));
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(3, None)));
    let step = next(&mut reader, 1).await;
    assert!(matches!(step, Step::Attached { .. }), "{step:?}");
    let properties = within(client.partition_properties(&PartitionId::new("0")))
        .await
        .expect("the hub answers");
    assert_eq!(reader.standing(&properties), Standing::Removed(SequenceNumber(9)));
    let young = PartitionProperties {
        last_enqueued_time: Timestamp::now(),
        ..properties.clone()
    };
    assert_eq!(reader.standing(&young), Standing::Behind);
    let expected = Loss {
        events: 6,
        after: SequenceNumber(3),
        before: SequenceNumber(10),
        enqueued_after: None,
        enqueued_before: properties.last_enqueued_time,
    };
    assert_eq!(reader.pass_removed(&properties), Some(expected));
    assert_eq!(reader.standing(&properties), Standing::Level);
    assert_eq!(reader.pass_removed(&properties), None);
    append(&hub, 0, 1);
    hub.faults().drop_connections();
    read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [10]);
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost(_) | Step::Missing { .. })),
        "{others:?}"
    );
    reader.close().await;
}
