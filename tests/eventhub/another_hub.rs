//! Another hub stands under the name.

use std::time::Duration;

use hub2siem::event::{Offset, Timestamp};
use hub2siem::eventhub::{EndReason, OnInvalidCheckpoint, Position, StartPosition, Step};

use crate::support::{append, checkpoint, client, hub, next, numbers, read, read_until, reader, settings};

/// Scenario: the hub is deleted and made anew under a reader.
/// Guarantees: it is noticed at the next connection, and the new hub is read from its first event.
#[tokio::test]
async fn notices_a_hub_made_anew() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 10).await;
    let before = reader.hub_created_at().expect("it is attached");
    hub.recreate_hub();
    append(&hub, 0, 20);
    hub.faults().drop_connections();
    let step = read_until(&mut reader, |step| matches!(step, Step::HubRecreated { .. })).await;
    assert!(matches!(step, Step::HubRecreated { created_at, .. } if created_at > before));
    let (events, others) = read(&mut reader, 20).await;
    assert_eq!(numbers(&events), (0..20).collect::<Vec<_>>());
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Repeated { .. }))
    );
    reader.close().await;
}

/// Scenario: a checkpoint of an earlier life of the hub, whose numbers the new hub has passed already.
/// Guarantees: only the time of its making tells, and it does.
#[tokio::test]
async fn a_checkpoint_of_another_hub_is_not_used() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let client = client(settings(&hub));
    let position = Position {
        hub_created_at: Some(Timestamp::from_millis(1)),
        ..checkpoint(4, None)
    };
    let mut reader = reader(&client, 0, StartPosition::After(position));
    assert!(matches!(next(&mut reader, 1).await, Step::HubRecreated { .. }));
    let (events, _) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [0]);
    reader.close().await;
}

/// Scenario: a checkpoint that does not say of which hub it is, with a number or an offset only, was stored before or after the
/// hub was made that has passed it already.
/// Guarantees: what was stored before is of another hub, which is told once and not after a reconnect; what was stored after
/// counts.
#[tokio::test]
async fn a_position_is_no_older_than_its_hub() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let client = client(settings(&hub));
    let now = Timestamp::now().as_millis();
    for (stored_at, start, is_another, expected) in [
        (now - 60_000, StartPosition::After(checkpoint(4, None)), true, 0),
        (now - 60_000, StartPosition::Offset(Offset::new("16384")), true, 0),
        (now + 60_000, StartPosition::After(checkpoint(4, None)), false, 5),
        (
            now + 60_000,
            StartPosition::Offset(Offset::new("16384")),
            false,
            4,
        ),
    ] {
        let stored_at = Timestamp::from_millis(stored_at);
        let mut reader = reader(&client, 0, start).stored_at(Some(stored_at));
        let (events, others) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected]);
        let is_told = |steps: &[Step]| steps.iter().any(|step| matches!(step, Step::HubRecreated { .. }));
        assert_eq!(is_told(&others), is_another, "{others:?}");
        hub.faults().drop_connections();
        let (events, others) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected + 1]);
        assert!(!is_told(&others), "{others:?}");
        reader.close().await;
    }
}

/// Scenario: another hub stands under the name, made anew or of a paired namespace: its numbers are other ones, and it has
/// events from before and after the time of the checkpoint.
/// Guarantees: each policy starts in it where it says, and nothing counts as lost.
#[tokio::test]
async fn applies_the_policy_to_another_hub() {
    for (policy, expected) in [
        (OnInvalidCheckpoint::Earliest, 0),
        (OnInvalidCheckpoint::Latest, 5),
        (OnInvalidCheckpoint::EnqueuedTime, 3),
    ] {
        let hub = hub(1).await;
        for second in 0..5 {
            hub.append_at(0, b"{}".to_vec(), Timestamp::from_millis(second * 1000));
        }
        let mut settings = settings(&hub);
        settings.on_invalid_checkpoint = policy;
        let client = client(settings);
        let position = Position {
            enqueued_time: Some(Timestamp::from_millis(3000)),
            hub_created_at: Some(Timestamp::from_millis(1)),
            ..checkpoint(1, Some("4096"))
        };
        let mut reader = reader(&client, 0, StartPosition::After(position));
        let step = next(&mut reader, 1).await;
        assert!(matches!(step, Step::HubRecreated { policy: applied, .. } if applied == policy));
        let step = read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
        let Step::Attached { resolved, .. } = step else {
            panic!("{step:?}");
        };
        assert_eq!(resolved.is_some(), policy == OnInvalidCheckpoint::Latest);
        append(&hub, 0, 1);
        let (events, others) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected], "{policy:?}");
        assert!(
            !others.iter().any(|step| matches!(step, Step::Lost(_))),
            "{others:?}"
        );
        reader.close().await;
    }
}

/// Scenario: another hub stands under the name, and the policy is `fail`.
/// Guarantees: nothing is read; the reason has a class of its own, names both hubs, and is looked at again each minute.
#[tokio::test]
async fn another_hub_can_wait_for_a_decision() {
    let hub = hub(1).await;
    append(&hub, 0, 3);
    let mut settings = settings(&hub);
    settings.on_invalid_checkpoint = OnInvalidCheckpoint::Fail;
    let client = client(settings);
    let position = Position {
        hub_created_at: Some(Timestamp::from_millis(1)),
        ..checkpoint(1, None)
    };
    let mut reader = reader(&client, 0, StartPosition::After(position));
    let step = next(&mut reader, 1).await;
    let Step::Detached {
        reason,
        detail,
        retry_after,
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reason, retry_after),
        (EndReason::HubRecreated, Duration::from_secs(60))
    );
    assert!(detail.contains("1970-01-01T00:00:00.001Z"), "{detail}");
    assert_eq!(hub.statistics().attaches, 0);
    reader.close().await;
}
