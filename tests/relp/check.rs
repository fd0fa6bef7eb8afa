//! The try of `check --connect`.

use hub2siem::deliver::relp::check;
use tokio::net::{TcpListener, TcpSocket};

use super::bench::settings;
use super::peers::rsyslog::Options;
use super::peers::{Rsyslog, Transport, packages};
use super::relp_peer::RelpPeer;

/// Scenario: a receiver that would do; a real rsyslog.
/// Guarantees: its software is named, the session is closed in order, and no message is sent.
#[tokio::test]
async fn a_receiver_that_would_do() {
    let peer = RelpPeer::start().await;
    let settings_of = |address: std::net::SocketAddr| settings(&address.to_string(), "");
    let finding = check(&settings_of(peer.address())).await;
    let detail = finding.detail().expect("it would do");
    assert!(detail.ends_with("it is script,1"), "{detail}");
    assert_eq!((peer.sessions(), peer.lines()), (vec![true], vec![]));

    let Some(packages) = packages("`check --connect` with rsyslog").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
    let finding = check(&settings_of(receiver.address())).await;
    let detail = finding.detail().expect("it would do");
    assert!(detail.contains("librelp"), "{detail}");
    receiver.stop().await;
    assert_eq!(receiver.records(), []);
}

/// Scenario: nobody there; a receiver without `syslog`; one that refuses; one that speaks something else.
/// Guarantees: each is a problem of its own, with its cause and a remedy.
#[tokio::test]
async fn receivers_that_would_not_do() {
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let nobody = closed.local_addr().expect("it is bound");
    let finding = check(&settings(&nobody.to_string(), "")).await;
    let problem = finding.failure().expect("nobody is there");
    assert!(problem.cause.contains("failed to connect"), "{problem}");
    assert!(problem.fix.contains("firewalls"), "{}", problem.fix);

    let peer = RelpPeer::start().await;
    let settings_of_peer = settings(&peer.address().to_string(), "");
    for (answer, expected) in [
        ("200 OK\ncommands=eventlog", "does not offer"),
        ("500 required feature missing", "500 required feature missing"),
        ("nonsense", "answered without a code"),
    ] {
        peer.script().open_answer = Some(answer.to_owned());
        let finding = check(&settings_of_peer).await;
        let problem = finding.failure().expect("it would not do");
        assert!(problem.cause.contains(expected), "{problem}");
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let other = listener.local_addr().expect("it is bound");
    let greet = async {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        let greeting = b"220 smtp.test ESMTP\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, greeting)
            .await
            .expect("it is open");
        stream
    };
    let other = settings(&other.to_string(), "");
    let (finding, _stream) = tokio::join!(check(&other), greet);
    let problem = finding.failure().expect("it is no receiver");
    assert!(problem.cause.contains("failed to read a frame"), "{problem}");
}
