//! Who may receive, how much, and what is sent beside events.

use fe2o3_amqp::types::messaging::Body;
use fe2o3_amqp::types::primitives::Value;
use hub2siem::emulator::event_hub::Body as EventBody;

use crate::client::{Attach, Client, event, next, take, within};
use crate::hub;

const EARLIEST: &str = "amqp.annotation.x-opt-offset > '-1'";

/// Scenario: a second receiver attaches with an equal owner level, then one with a lower, then one with none.
/// Guarantees: the last of equals wins and the first is detached as stolen, naming the winner; the others are refused.
#[tokio::test]
async fn owner_levels_decide_who_receives() {
    let emulator = hub(1, 3).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let with = |epoch, name| Attach {
        epoch,
        name,
        ..Attach::at("0", EARLIEST)
    };
    let mut first = client.attach(with(Some(1), "first")).await.unwrap();
    assert_eq!(next(&mut first).await.unwrap().sequence_number, 0);
    let mut second = client.attach(with(Some(1), "second")).await.unwrap();
    let stolen = format!("{:?}", next(&mut first).await.unwrap_err());
    assert!(stolen.contains("Stolen"), "{stolen}");
    assert!(
        stolen.contains("New receiver 'second' with higher epoch of '1'"),
        "{stolen}"
    );
    assert_eq!(next(&mut second).await.unwrap().sequence_number, 0);
    for epoch in [Some(0), None] {
        let refused = format!("{:?}", client.attach(with(epoch, "late")).await.err());
        assert!(refused.contains("Stolen"), "{refused}");
    }
    let other_group = Attach {
        group: "other",
        ..Attach::at("0", EARLIEST)
    };
    let mut other = client.attach(other_group).await.unwrap();
    assert_eq!(next(&mut other).await.unwrap().sequence_number, 0);
    assert_eq!(emulator.statistics().attached, [2]);
    within(second.close()).await.unwrap();
    within(other.close()).await.unwrap();
    within(emulator.wait_for(|now| now.attached == [0])).await;
    emulator.shutdown().await;
}

/// Scenario: a sixth receiver without owner level attaches to one partition and group.
/// Guarantees: it is refused.
#[tokio::test]
async fn five_receivers_without_owner_level_are_the_limit() {
    let emulator = hub(1, 0).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receivers = Vec::new();
    for _ in 0..5 {
        receivers.push(client.attach(Attach::at("0", EARLIEST)).await.unwrap());
    }
    let refused = format!("{:?}", client.attach(Attach::at("0", EARLIEST)).await.err());
    assert!(refused.contains("ResourceLimitExceeded"), "{refused}");
    for receiver in receivers {
        within(receiver.close()).await.unwrap();
    }
    emulator.shutdown().await;
}

/// Scenario: a receiver grants credit for 3 of 10 events, later for the rest.
/// Guarantees: 3 are sent, then the rest; all in order.
#[tokio::test]
async fn credit_is_obeyed() {
    let emulator = hub(1, 10).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    receiver.set_credit(3).await.unwrap();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(event(within(receiver.recv::<Body<Value>>()).await.unwrap()));
    }
    // An answer on the same connection shows that nothing else was on its way.
    client.sender(client_target()).await.close().await.unwrap();
    assert_eq!(emulator.statistics().events_sent, [3]);
    events.extend(take(&mut receiver, 7).await);
    let numbers: Vec<i64> = events.iter().map(|event| event.sequence_number).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

fn client_target() -> &'static str {
    crate::client::HUB
}

/// Scenario: one receiver asks for the runtime metric, one does not.
/// Guarantees: only the first learns the last enqueued sequence number.
#[tokio::test]
async fn runtime_metric_is_sent_if_asked_for() {
    let emulator = hub(1, 4).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    for (runtime_metric, expected) in [(true, Some(3)), (false, None)] {
        let attach = Attach {
            runtime_metric,
            ..Attach::at("0", EARLIEST)
        };
        let mut receiver = client.attach(attach).await.unwrap();
        assert_eq!(next(&mut receiver).await.unwrap().last_enqueued, expected);
        within(receiver.close()).await.unwrap();
    }
    emulator.shutdown().await;
}

/// Scenario: events with a text value, several sections, and more bytes than a frame.
/// Guarantees: each arrives whole.
#[tokio::test]
async fn unusual_bodies_arrive_whole() {
    let emulator = hub(1, 0).await;
    let large = "x".repeat(700_000);
    emulator.append(0, EventBody::Text("a value".to_owned()));
    emulator.append(
        0,
        EventBody::Sections(vec![b"one".to_vec().into(), b"two".to_vec().into()]),
    );
    emulator.append(0, large.clone().into_bytes());
    emulator.append(0, Vec::new());
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    let bodies: Vec<String> = take(&mut receiver, 4)
        .await
        .into_iter()
        .map(|event| event.body)
        .collect();
    assert_eq!(bodies, ["a value", "one|two", large.as_str(), ""]);
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

/// Scenario: a receiver drains its credit while there is nothing to send.
/// Guarantees: the drain is answered, and events that come later are not sent on the old credit.
#[tokio::test]
async fn drain_uses_credit_up() {
    let emulator = hub(1, 1).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    receiver.set_credit(10).await.unwrap();
    event(within(receiver.recv::<Body<Value>>()).await.unwrap());
    receiver.drain().await.unwrap();
    client.sender(client_target()).await.close().await.unwrap();
    emulator.append(0, b"later".to_vec());
    client.sender(client_target()).await.close().await.unwrap();
    assert_eq!(emulator.statistics().events_sent, [1]);
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}
