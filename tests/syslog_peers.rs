//! The real receivers that other tests send to: each starts, takes a message and comes back after a restart.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use peers::{Record, Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};

#[path = "support/peers/mod.rs"]
#[expect(dead_code, reason = "tests of the kinds use the rest")]
mod peers;

const LINE: &str = "<131>1 2024-08-06T11:33:45.678Z hub2siem app - alert - CEF:0|a|b|c|d \u{e9}";

/// Scenario: rsyslog by TCP (line and counted octets), UDP and RELP gets the same line, before and after a restart.
/// Guarantees: the harness reports what the receiver understood, and keeps it over a restart.
#[tokio::test]
async fn rsyslog_takes_messages() {
    let Some(packages) = packages("what rsyslog makes of messages").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    send_tcp(receiver.address(), &format!("{LINE}\n"));
    receiver.wait_for(1).await;
    receiver.restart().await;
    send_tcp(receiver.address(), &format!("{} {LINE}", LINE.len()));
    let records = receiver.wait_for(2).await;
    assert_eq!(records.len(), 2);
    records.iter().for_each(check);
    assert_eq!(records[0].raw.as_deref(), Some(LINE));
    receiver.stop().await;

    let receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Udp)).await;
    send_udp(receiver.address());
    check(&receiver.wait_for(1).await[0]);

    let receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Relp)).await;
    let mut stream = TcpStream::connect(receiver.address()).expect("it listens");
    let session = format!(
        "1 open 30 relp_version=0\ncommands=syslog\n2 syslog {} {LINE}\n3 close 0\n",
        LINE.len()
    );
    stream.write_all(session.as_bytes()).expect("it takes it");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("it answers");
    assert!(
        answers.contains("\n2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n"),
        "{answers}"
    );
    check(&receiver.wait_for(1).await[0]);
}

/// Scenario: both drivers of syslog-ng, by their framing and by UDP, get the same line, before and after a restart.
/// Guarantees: as for rsyslog.
#[tokio::test]
async fn syslog_ng_takes_messages() {
    use syslog_ng::Source;
    let Some(packages) = packages("what syslog-ng makes of messages").await else {
        return;
    };
    let cases = [
        (Source::Syslog, format!("{} {LINE}", LINE.len())),
        (Source::NetworkProtocol, format!("{LINE}\n")),
    ];
    for (source, frame) in cases {
        let options = syslog_ng::Options::new(source, Transport::Tcp);
        let mut receiver = SyslogNg::start(&packages, &options).await;
        send_tcp(receiver.address(), &frame);
        receiver.wait_for(1).await;
        receiver.restart().await;
        send_tcp(receiver.address(), &frame);
        let records = receiver.wait_for(2).await;
        assert_eq!(records.len(), 2);
        records.iter().for_each(check);
    }
    let options = syslog_ng::Options::new(Source::Syslog, Transport::Udp);
    let receiver = SyslogNg::start(&packages, &options).await;
    send_udp(receiver.address());
    check(&receiver.wait_for(1).await[0]);
}

/// Scenario: each receiver is started with TLS, with and without the wish for a client certificate.
/// Guarantees: the generated configuration is one that the receiver accepts without complaint.
#[tokio::test]
async fn the_receivers_start_with_tls() {
    let Some(packages) = packages("TLS with rsyslog and syslog-ng").await else {
        return;
    };
    for wants_client_certificate in [false, true] {
        for transport in [Transport::Tls, Transport::RelpTls] {
            let options = rsyslog::Options {
                wants_client_certificate,
                ..rsyslog::Options::new(transport)
            };
            let mut receiver = Rsyslog::start(&packages, &options).await;
            receiver.stop().await;
            let log = receiver.log();
            assert!(!log.contains("parameter") && !log.contains("config"), "{log}");
        }
        let options = syslog_ng::Options {
            wants_client_certificate,
            ..syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tls)
        };
        let mut receiver = SyslogNg::start(&packages, &options).await;
        receiver.stop().await;
    }
}

fn check(record: &Record) {
    assert_eq!(record.message, "CEF:0|a|b|c|d \u{e9}");
    assert_eq!(record.hostname, "hub2siem");
    assert_eq!(record.app_name, "app");
    assert_eq!(record.message_id, "alert");
    assert_eq!(record.priority, 131);
    assert!(
        record.timestamp.starts_with("2024-08-06T11:33:45.678"),
        "{record:?}"
    );
}

fn send_tcp(address: SocketAddr, bytes: &str) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(bytes.as_bytes()).expect("it takes it");
}

fn send_udp(address: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.send_to(LINE.as_bytes(), address).expect("it can be sent");
}
