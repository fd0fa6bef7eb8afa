//! `$cbs`, `$management` and who is let in.

use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::types::primitives::Value;
use fe2o3_amqp_cbs::client::CbsClient;
use fe2o3_amqp_cbs::token::CbsToken;
use hub2siem::emulator::event_hub::{EventHubEmulator, Options, SharedAccessKey};
use hub2siem::event::SequenceNumber;

use crate::client::{Attach, Client, HUB, Read, next, within};
use crate::hub;

const EARLIEST: &str = "amqp.annotation.x-opt-offset > '-1'";
const SAS: &str = "servicebus.windows.net:sastoken";
/// Signed with `mykey` by policy `policy`, valid until the year 2100.
const TOKEN: &str = "SharedAccessSignature sr=sb%3A%2F%2Fexample.servicebus.windows.net%2Fdefender&sig=SIGNATURE&se=4102444800&skn=policy";

async fn guarded() -> EventHubEmulator {
    let key = SharedAccessKey {
        name: "policy".to_owned(),
        key: "mykey".to_owned(),
    };
    let emulator = EventHubEmulator::start(Options {
        key: Some(key),
        ..Options::new(HUB, 1)
    })
    .await
    .unwrap();
    emulator.append(0, b"guarded".to_vec());
    emulator
}

/// Scenario: a client attaches without a token, presents a wrong one, then a right one, and renews it; then the fault
/// that rejects tokens is switched on.
/// Guarantees: only after the right one may it attach; the wrong and the rejected one get status 401.
#[tokio::test]
async fn token_is_checked_against_the_key() {
    let emulator = guarded().await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let refused = format!("{:?}", client.attach(Attach::at("0", EARLIEST)).await.err());
    assert!(refused.contains("UnauthorizedAccess"), "{refused}");
    let mut cbs = within(CbsClient::attach(&mut client.session)).await.unwrap();
    let wrong = TOKEN.replace("SIGNATURE", "bzVH");
    let answer = within(cbs.put_token(HUB, CbsToken::new(wrong, SAS, None))).await;
    assert!(format!("{answer:?}").contains("401"), "{answer:?}");
    let right = TOKEN.replace("SIGNATURE", &signature());
    for _ in 0..2 {
        within(cbs.put_token(HUB, CbsToken::new(right.as_str(), SAS, None)))
            .await
            .unwrap();
    }
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().body, "guarded");
    assert_eq!(emulator.statistics().tokens, 3);
    emulator.faults().reject_tokens(true);
    let answer = within(cbs.put_token(HUB, CbsToken::new(right.as_str(), SAS, None))).await;
    assert!(format!("{answer:?}").contains("401"), "{answer:?}");
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

fn signature() -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"mykey").unwrap();
    mac.update(b"sb%3A%2F%2Fexample.servicebus.windows.net%2Fdefender\n4102444800");
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    signature
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

/// Scenario: clients log in with PLAIN and the right or a wrong key.
/// Guarantees: the right one needs no token; the wrong one is refused.
#[tokio::test]
async fn plain_login_takes_the_key() {
    let emulator = guarded().await;
    let plain = |key: &str| SaslProfile::Plain {
        username: "policy".to_owned(),
        password: key.to_owned(),
    };
    let mut client = Client::connect_as(emulator.address(), plain("mykey"))
        .await
        .unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().body, "guarded");
    within(receiver.close()).await.unwrap();
    assert!(
        Client::connect_as(emulator.address(), plain("yourkey"))
            .await
            .is_err()
    );
    emulator.shutdown().await;
}

/// Scenario: management describes the hub, a partition with events, an empty one, and things that do not exist;
/// then the hub is made anew, grows, and the service fails.
/// Guarantees: names, types and numbers are those of the service; failures carry their status.
#[tokio::test]
async fn management_describes_hub_and_partitions() {
    let emulator = hub(2, 3).await;
    emulator.truncate(0, SequenceNumber(1));
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut management = client.management().await;
    let of_hub = Read {
        name: HUB,
        partition: None,
    };
    let described = within(management.call(of_hub)).await.unwrap().0;
    assert_eq!(described["partition_count"], Value::Int(2));
    let Value::Array(ids) = &described["partition_ids"] else {
        panic!("{described:?}");
    };
    assert_eq!(ids.0, [Value::from("0".to_owned()), Value::from("1".to_owned())]);
    let created_at = described["created_at"].clone();
    let cases = [("0", 1, 2, false), ("1", 0, -1, true)];
    for (partition, begin, last, empty) in cases {
        let read = Read {
            name: HUB,
            partition: Some(partition),
        };
        let described = within(management.call(read)).await.unwrap().0;
        assert_eq!(described["begin_sequence_number"], Value::Long(begin));
        assert_eq!(described["last_enqueued_sequence_number"], Value::Long(last));
        assert_eq!(described["is_partition_empty"], Value::Bool(empty));
        assert!(matches!(described["last_enqueued_offset"], Value::String(_)));
        assert!(matches!(described["last_enqueued_time_utc"], Value::Timestamp(_)));
    }
    for (name, partition) in [("other", None), (HUB, Some("7"))] {
        let answer = within(management.call(Read { name, partition })).await;
        let failure = format!("{:?}", answer.err());
        assert!(failure.contains("404"), "{failure}");
    }
    emulator.recreate_hub();
    assert_eq!(emulator.add_partition(), 2);
    let of_hub = || Read {
        name: HUB,
        partition: None,
    };
    let described = within(management.call(of_hub())).await.unwrap().0;
    assert_eq!(described["partition_count"], Value::Int(3));
    assert!(described["created_at"] > created_at);
    emulator.faults().management_status(Some(503));
    let failure = format!("{:?}", within(management.call(of_hub())).await.err());
    assert!(failure.contains("503"), "{failure}");
    emulator.faults().management_status(None);
    within(management.call(of_hub())).await.unwrap();
    emulator.shutdown().await;
}
