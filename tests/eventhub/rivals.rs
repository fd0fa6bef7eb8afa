//! Two programs on one consumer group.

use hub2siem::emulator::event_hub::Condition;
use hub2siem::eventhub::{EndReason, HubSettings, StartPosition, Step, rival};

use crate::support::{append, client, hub, next, read, reader, settings};

fn named(settings: HubSettings, name: &str) -> HubSettings {
    HubSettings {
        receiver_name: name.into(),
        ..settings
    }
}

/// Scenario: another program with an owner level takes the partition from us; the hub says who it is.
/// Guarantees: the other one is named, not we; there is no second try within the first minute.
#[tokio::test]
async fn names_who_took_the_partition() {
    let hub = hub(1).await;
    let mine = client(named(settings(&hub), "hub2siem-a"));
    let mut first = reader(&mine, 0, StartPosition::Earliest);
    next(&mut first, 1).await;
    let theirs = client(named(settings(&hub), "logstash-7"));
    let mut second = reader(&theirs, 0, StartPosition::Earliest);
    next(&mut second, 1).await;
    let (detail, seconds) = stolen(next(&mut first, 1).await);
    assert_eq!(rival::name(&detail).as_deref(), Some("logstash-7"), "{detail}");
    assert_eq!(seconds, 60);
    append(&hub, 0, 1);
    read(&mut second, 1).await;
    assert_eq!(hub.statistics().attaches, 2);
    first.close().await;
    second.close().await;
}

/// Scenario: another program holds the partition with a higher owner level when we come.
/// Guarantees: we are refused, it is named, and it is not disturbed for a minute.
#[tokio::test]
async fn names_who_holds_the_partition() {
    let hub = hub(1).await;
    let refusal = Condition::new(
        "amqp:link:stolen",
        "Receiver 'logstash-7' with a higher epoch of '3' already exists. Receiver 'test-reader' with epoch 0 cannot be created.",
    );
    hub.faults().refuse_attach(Some(refusal));
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (detail, seconds) = stolen(next(&mut reader, 1).await);
    assert_eq!(rival::name(&detail).as_deref(), Some("logstash-7"), "{detail}");
    assert_eq!(seconds, 60);
    reader.close().await;
}

/// Scenario: a program without an owner level comes while we read, and one was there before us.
/// Guarantees: we have the partition in both cases; the other one is refused, or displaced.
#[tokio::test]
async fn displaces_readers_without_an_owner_level() {
    let hub = hub(1).await;
    let theirs = client(named(settings(&hub), "peek"));
    let mut before = reader(&theirs, 0, StartPosition::Earliest).without_owner_level();
    next(&mut before, 1).await;
    let mine = client(settings(&hub));
    let mut ours = reader(&mine, 0, StartPosition::Earliest);
    next(&mut ours, 1).await;
    stolen(next(&mut before, 1).await);
    let mut after = reader(&theirs, 0, StartPosition::Earliest).without_owner_level();
    stolen(next(&mut after, 1).await);
    append(&hub, 0, 1);
    read(&mut ours, 1).await;
    for reader in [before, after, ours] {
        reader.close().await;
    }
}

fn stolen(step: Step) -> (String, u64) {
    match step {
        Step::Detached {
            reason: EndReason::Stolen,
            detail,
            retry_after,
        } => (detail, retry_after.as_secs()),
        step => panic!("{step:?}"),
    }
}
