//! Lines by UDP.

use std::time::Duration;

use hub2siem::event::{Kind, RejectReason};
use tokio::net::UdpSocket;

use super::bench::{Bench, settings};
use super::peers::process::free_address;
use super::stage::Account;

const OPTIONS: &str = "transport: udp\nallow_loss: true";

/// Scenario: nobody listens at the port of UDP, and the system of the receiver says so; later somebody does.
/// Guarantees: what was on its way is lost, as was accepted; what follows waits and arrives.
#[tokio::test]
async fn datagrams_wait_while_nobody_listens() {
    let address = free_address();
    let mut bench = Bench::start(settings(address.port(), OPTIONS));
    while bench.stage.retried("connect") == 0 {
        bench.stage.send(1).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let last = bench.stage.sent();
    let socket = UdpSocket::bind(address).await.expect("the port is free again");
    bench.delivered(last).await;
    let mut bytes = [0; 1_000];
    let count = socket.recv(&mut bytes).await.expect("something comes");
    let line = String::from_utf8_lossy(&bytes[..count]);
    assert!(
        line.starts_with("<133>1 2020-09-13T12:26:40.000Z hub2siem hub2siem - assessment - {"),
        "{line}"
    );
    assert_eq!(bench.stage.close().await, Account::delivered(last as i64));
}

/// Scenario: a line is longer than a datagram can be, which the options allow only by a mistake of ours.
/// Guarantees: the system's refusal makes it a dead letter; the lines beside it arrive.
#[tokio::test]
async fn what_no_datagram_can_carry_is_a_dead_letter() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port can be had");
    let port = socket.local_addr().expect("it is bound").port();
    let mut beyond = settings(port, OPTIONS);
    beyond.line = settings(port, "transport: tcp\nmessage_limit: 128KiB").line;
    let mut bench = Bench::start(beyond);
    bench.stage.send(1).await;
    bench.stage.send_one(Kind::Alert, &"x".repeat(66_000)).await;
    bench.stage.send(1).await;
    bench.delivered(3).await;
    let detail = &bench.stage.letters()[0].detail;
    assert!(detail.starts_with("no datagram can carry"), "{detail}");
    let expected = Account {
        delivered: vec![0, 2],
        dead: vec![(1, RejectReason::TooLarge)],
        ..Account::default()
    };
    assert_eq!(bench.stage.close().await, expected);
    let mut bytes = [0; 1_000];
    for number in [0, 2] {
        let count = socket.recv(&mut bytes).await.expect("something comes");
        let line = String::from_utf8_lossy(&bytes[..count]);
        assert!(line.contains(&format!("{{\"number\":{number},")), "{line}");
    }
}

/// Scenario: the receiver is named by an address of IPv6.
/// Guarantees: its lines arrive there.
#[tokio::test]
async fn an_address_of_ipv6_can_be_sent_to() {
    let Ok(socket) = UdpSocket::bind("[::1]:0").await else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    let address = socket.local_addr().expect("it is bound");
    let mut settings = settings(address.port(), OPTIONS);
    settings.address = address.to_string().parse().expect("it is an address");
    let mut bench = Bench::start(settings);
    bench.stage.send(1).await;
    assert_eq!(bench.stage.close().await, Account::delivered(1));
    let mut bytes = [0; 1_000];
    let count = socket.recv(&mut bytes).await.expect("something comes");
    assert!(bytes[..count].starts_with(b"<133>1 "));
}
