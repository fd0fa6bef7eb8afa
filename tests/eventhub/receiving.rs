//! Receiving while nothing goes wrong.

use std::time::Duration;

use hub2siem::emulator::event_hub::{Body, Options, SharedAccessKey};
use hub2siem::event::PartitionId;
use hub2siem::eventhub::{Credential, EndReason, StartPosition, Step};

use crate::support::{append, client, hub, next, numbers, reached, read, reader, settings, start, within};

/// Scenario: events of several shapes wait in a partition.
/// Guarantees: each arrives once, in order, whole, with the end of the partition as the service knows it.
#[tokio::test]
async fn receives_every_event_in_order() {
    let hub = hub(1).await;
    let large = vec![b'x'; 700_000];
    hub.append(0, b"{\"a\":1}".to_vec());
    hub.append(0, Body::Text("{\"b\":2}".into()));
    hub.append(0, Body::Sections(vec!["{\"c\"".into(), ":3}".into()]));
    hub.append(0, large.clone());
    append(&hub, 0, 500);

    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, others) = read(&mut reader, 504).await;
    assert_eq!(numbers(&events), (0..504).collect::<Vec<_>>());
    assert_eq!(events[0].body, "{\"a\":1}");
    assert_eq!(events[1].body, "{\"b\":2}");
    assert_eq!(events[2].body, "{\"c\":3}");
    assert_eq!(events[3].body, large);
    assert_eq!(
        events[503]
            .last_enqueued
            .as_ref()
            .map(|last| last.sequence_number.0),
        Some(503)
    );
    assert!(matches!(others[..], [Step::Attached { .. }]), "{others:?}");
    reader.close().await;
    reached(&hub, |statistics| statistics.attached == [0]).await;
}

/// Scenario: a caller has room for five events, then for none, then for two more.
/// Guarantees: never more is asked for than there was room for, and what is outstanding is told.
#[tokio::test]
async fn never_asks_for_more_than_there_is_room() {
    let hub = hub(1).await;
    append(&hub, 0, 100);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    assert!(matches!(next(&mut reader, 5).await, Step::Attached { .. }));
    for outstanding in (0..5).rev() {
        let credit = if outstanding == 4 { 5 } else { 0 };
        assert!(matches!(next(&mut reader, credit).await, Step::Event(_)));
        assert_eq!(reader.outstanding(), outstanding);
    }
    let nothing = tokio::time::timeout(Duration::from_millis(200), reader.next(0)).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert_eq!(hub.statistics().events_sent, [5]);
    read(&mut reader, 2).await;
    assert_eq!(hub.statistics().events_sent, [7]);
    reader.close().await;
}

/// Scenario: the caller drops the future again and again, also while the link is being attached.
/// Guarantees: nothing is lost and nothing comes twice.
#[tokio::test]
async fn survives_being_given_up() {
    let hub = hub(1).await;
    append(&hub, 0, 300);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let mut events = Vec::new();
    within(async {
        while events.len() < 300 {
            let credit = 10_u32.saturating_sub(reader.outstanding());
            tokio::select! {
                biased;
                step = reader.next(credit) => match step {
                    Step::Event(event) => events.push(event),
                    Step::Attached { .. } => {}
                    step => panic!("{step:?}"),
                },
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    assert_eq!(numbers(&events), (0..300).collect::<Vec<_>>());
    assert_eq!(hub.statistics().attaches, 1);
    reader.close().await;
}

/// Scenario: tokens live for 20 seconds, of which a slow machine may lose some, and must be signed with the right key.
/// Guarantees: they are renewed while the same link goes on receiving.
#[tokio::test]
async fn renews_its_token_while_receiving() {
    let mut options = Options::new("defender", 1);
    options.key = Some(SharedAccessKey {
        name: "reader".into(),
        key: "c2VjcmV0".into(),
    });
    let hub = start(options).await;
    let mut settings = settings(&hub);
    settings.token_lifetime = Duration::from_secs(20);
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 1);
    read(&mut reader, 1).await;
    reached(&hub, |statistics| statistics.tokens >= 3).await;
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [1]);
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(hub.statistics().attaches, 1);
    reader.close().await;
}

/// Scenario: the key is wrong; then it is replaced in the settings, which other clients share.
/// Guarantees: a reader that was refused, and would wait for a minute, tries at once with the new key.
#[tokio::test]
async fn takes_a_replaced_credential_at_once() {
    let mut options = Options::new("defender", 1);
    options.key = Some(SharedAccessKey {
        name: "reader".into(),
        key: "c2VjcmV0".into(),
    });
    let hub = start(options).await;
    let mut settings = settings(&hub);
    let right = settings.credential.get();
    settings.credential = Credential::SharedAccessKey {
        name: "reader".into(),
        key: "d3Jvbmc=".into(),
    }
    .into();
    let client = client(settings.clone());
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 1);
    let Step::Detached { reason, .. } = next(&mut reader, 1).await else {
        panic!("the key is wrong");
    };
    assert_eq!(reason, EndReason::Unauthorized);
    assert!(within(client.partitions()).await.is_err());
    settings.credential.replace(right);
    let (events, _) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [0]);
    assert_eq!(
        within(client.partitions()).await.expect("the key is right").len(),
        1
    );
    reader.close().await;
}

/// Scenario: the hub refuses to renew, while the token at hand is still good.
/// Guarantees: the renewal is tried again and the link stays.
#[tokio::test]
async fn a_failed_renewal_costs_no_link() {
    let hub = hub(1).await;
    let mut settings = settings(&hub);
    settings.token_lifetime = Duration::from_secs(20);
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 1);
    read(&mut reader, 1).await;
    hub.faults().reject_tokens(true);
    reached(&hub, |statistics| statistics.tokens >= 3).await;
    append(&hub, 0, 1);
    let (_, others) = read(&mut reader, 1).await;
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(hub.statistics().attaches, 1);
    reader.close().await;
}

/// Scenario: a key that the hub does not know.
/// Guarantees: it is said so, and tried again only after a long wait.
#[tokio::test]
async fn a_wrong_key_is_unauthorized() {
    let hub = hub(1).await;
    hub.faults().reject_tokens(true);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut reader, 1).await;
    let Step::Detached {
        reason, retry_after, ..
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!((reason, retry_after.as_secs()), (EndReason::Unauthorized, 60));
    reader.close().await;
}

/// Scenario: sixteen partitions are read, and one is added.
/// Guarantees: eight connections serve them all, and the new partition is found by asking.
#[tokio::test]
async fn shares_connections_and_sees_new_partitions() {
    let hub = hub(16).await;
    let client = client(settings(&hub));
    let mut readers: Vec<_> = (0..16)
        .map(|partition| reader(&client, partition, StartPosition::Earliest))
        .collect();
    for reader in &mut readers {
        assert!(matches!(next(reader, 1).await, Step::Attached { .. }));
    }
    assert_eq!(hub.statistics().connections, 8);
    assert_eq!(
        within(client.partitions()).await.expect("the hub answers").len(),
        16
    );
    hub.add_partition();
    let partitions = within(client.partitions()).await.expect("the hub answers");
    assert_eq!(partitions.last(), Some(&PartitionId::new("16")));
    assert_eq!(hub.statistics().connections, 8);
    for reader in readers {
        reader.close().await;
    }
    client.close().await;
    reached(&hub, |statistics| statistics.open_connections == 0).await;
}
