//! Faults that a test switches on.

use hub2siem::emulator::event_hub::Condition;

use crate::client::{Attach, Client, next, within};
use crate::hub;

const EARLIEST: &str = "amqp.annotation.x-opt-offset > '-1'";

/// Scenario: all connections are dropped, then refused, then accepted again.
/// Guarantees: the receiver ends with an error, a refused connect fails, a new one goes on.
#[tokio::test]
async fn dropped_and_refused_connections_recover() {
    let emulator = hub(1, 2).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 0);
    emulator.faults().refuse_connects(true);
    emulator.faults().drop_connections();
    within(emulator.wait_for(|now| now.open_connections == 0)).await;
    // The event that was already on its way may still be there; after it the end must come.
    while next(&mut receiver).await.is_ok() {}
    assert!(Client::connect(emulator.address()).await.is_err());
    emulator.faults().refuse_connects(false);
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client
        .attach(Attach::at("0", "amqp.annotation.x-opt-sequence-number > '0'"))
        .await
        .unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 1);
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

/// Scenario: a link is detached with a condition, and re-attached; another time the attach itself is refused.
/// Guarantees: the condition and its text arrive; the session lives on.
#[tokio::test]
async fn detach_carries_its_condition() {
    let emulator = hub(2, 1).await;
    let busy = Condition::new("com.microsoft:server-busy", "The server is busy. 50002");
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    let mut other = client.attach(Attach::at("1", EARLIEST)).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 0);
    emulator.faults().detach(0, busy.clone());
    let error = format!("{:?}", next(&mut receiver).await.unwrap_err());
    assert!(
        error.contains("com.microsoft:server-busy") && error.contains("50002"),
        "{error}"
    );
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 0);
    emulator.append(1, b"untouched".to_vec());
    assert_eq!(next(&mut other).await.unwrap().body, "untouched");
    emulator.faults().refuse_attach(Some(busy));
    let refused = format!("{:?}", client.attach(Attach::at("0", EARLIEST)).await.err());
    assert!(refused.contains("com.microsoft:server-busy"), "{refused}");
    within(receiver.close()).await.unwrap();
    within(other.close()).await.unwrap();
    emulator.shutdown().await;
}

/// Scenario: the hub closes the connection, stops answering, and is deleted and made anew.
/// Guarantees: each shows as the error that the service's own would.
#[tokio::test]
async fn connection_faults_show_as_errors() {
    let emulator = hub(1, 0).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    let forced = Condition::new("amqp:connection:forced", "The connection was inactive.");
    emulator.faults().close_connections(forced);
    let error = format!("{:?}", next(&mut receiver).await.unwrap_err());
    assert!(error.contains("ConnectionForced"), "{error}");

    let mut client = Client::connect_impatiently(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    emulator.faults().silent(true);
    let error = format!("{:?}", next(&mut receiver).await.unwrap_err());
    assert!(error.contains("ConnectionStopped"), "{error}");
    emulator.faults().silent(false);

    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    emulator.recreate_hub();
    let error = format!("{:?}", next(&mut receiver).await.unwrap_err());
    assert!(error.contains("NotFound"), "{error}");
    emulator.shutdown().await;
}

/// Scenario: a re-attach is sent older events again, a delivery is torn, and an event exceeds the advertised size.
/// Guarantees: the repeat starts where it was set to; the torn delivery ends the link; the large one fails it.
#[tokio::test]
async fn deliveries_can_be_repeated_torn_and_too_large() {
    let emulator = hub(1, 5).await;
    let after_third = Attach::at("0", "amqp.annotation.x-opt-sequence-number > '2'");
    emulator.faults().repeat_after_attach(2);
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(after_third).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 1);
    within(receiver.close()).await.unwrap();
    emulator.faults().repeat_after_attach(0);

    emulator.faults().partial_transfer(true);
    let mut receiver = client.attach(after_third).await.unwrap();
    assert!(next(&mut receiver).await.is_err());
    emulator.faults().partial_transfer(false);

    emulator.faults().advertised_message_size(Some(300));
    emulator.append(0, vec![b'x'; 500]);
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut receiver = client.attach(after_third).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 3);
    assert_eq!(next(&mut receiver).await.unwrap().sequence_number, 4);
    assert!(next(&mut receiver).await.is_err());
    emulator.shutdown().await;
}
