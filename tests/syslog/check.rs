//! `check --connect`.

use hub2siem::deliver::syslog::check;
use tokio::net::{TcpListener, TcpSocket};

use super::bench::settings;
use super::peers::{Rsyslog, Transport, packages, rsyslog};

/// Scenario: the connection is tried to a receiver, to a port where nobody listens, to one that hangs up, and by UDP.
/// Guarantees: it says what was proved and what cannot be, and leaves no record behind.
#[tokio::test]
async fn says_what_a_connection_proves() {
    let Some(packages) = packages("what a connection proves").await else {
        return;
    };
    let receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    let port = receiver.address().port();
    for (options, expected) in [
        (
            "transport: tcp",
            "can be connected to; whether it understands counted octets no connection tells: look there for the first records",
        ),
        (
            "{ transport: tcp, format: rfc3164 }",
            "can be connected to; whether it understands lines no connection tells: look there for the first records",
        ),
        (
            "{ transport: udp, allow_loss: true }",
            "has an address; by UDP nothing tells whether somebody listens there",
        ),
    ] {
        let options = options.trim_matches(['{', '}', ' ']).replace(", ", "\n");
        let finding = check(&settings(port, options)).await;
        assert_eq!(finding.detail(), Some(expected), "{finding:?}");
    }
    assert_eq!(receiver.records().len(), 0);

    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port can be had");
    let port = closed.local_addr().expect("it is bound").port();
    let finding = check(&settings(port, "transport: tcp")).await;
    let problem = finding.failure().expect("nobody listens");
    assert!(problem.cause.contains("refused"), "{}", problem.cause);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let finding = check(&settings(port, "transport: tcp")).await;
    let problem = finding.failure().expect("it hangs up");
    assert_eq!(problem.cause, "the receiver closed the connection");
}
