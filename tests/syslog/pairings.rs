//! Every pairing of transport, framing and format that a receiver supports.

use bytes::Bytes;
use hub2siem::event::{Details, Kind};

use super::bench::{Bench, settings};
use super::peers::{
    Certificates, Packages, Record, Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng,
};
use super::stage::Account;

/// Text, kind, severity of the record, and what the priority must be then with facility local3 (19).
const MESSAGES: [(&str, Kind, Option<&str>, u8); 5] = [
    (
        r"CEF:0|Microsoft|Defender for Cloud|1.0|VM_a\|b|n|8|msg=grüße \= \\ 1\n2 act=a cs1=/subscriptions/x y",
        Kind::Alert,
        Some("Critical"),
        19 * 8 + 2,
    ),
    (
        "LEEF:2.0|Microsoft|Defender for Cloud|1.0|id|^|devTime=1600000000000^sev=8^usrName=Jürgen = x|y",
        Kind::SubAssessment,
        Some("High"),
        19 * 8 + 3,
    ),
    (
        r#"{"kind":"assessment","text":"a \"b\" \\ c\n\u0007 ü 漢 % #011","list":[1,2.50,null],"number":12345678901234567890}"#,
        Kind::Assessment,
        Some("Medium"),
        19 * 8 + 4,
    ),
    (
        "CEF:0|a|b|c|d|e|3|",
        Kind::RegulatoryComplianceAssessment,
        Some("Low"),
        19 * 8 + 5,
    ),
    (r#"{"a":1}"#, Kind::SecureScore, None, 19 * 8 + 5),
];

const COMMON: &str = "facility: local3\nhostname: bridge.contoso.com\napp_name: defender";
const NEW: &str = "format: rfc5424";
const OLD: &str = "format: rfc3164";
const UDP: &str = "transport: udp\nallow_loss: true";
const TCP: &str = "transport: tcp\nsettle_window: 200ms";
const TLS: &str = "transport: tls\nsettle_window: 200ms";
const COUNTED: &str = "framing: octet_counting";
const LINES: &str = "framing: line_feed";

/// Scenario: rsyslog gets CEF, LEEF and JSON by each transport and framing, in both formats, with what is default and with
/// what is said.
/// Guarantees: it understands host, program, message id, facility, severity and time as they were meant, and every text
/// arrives whole.
#[tokio::test]
async fn rsyslog_understands_every_pairing() {
    let Some(packages) = packages("what rsyslog makes of records").await else {
        return;
    };
    for (transport, options) in [
        (Transport::Udp, [UDP, NEW, ""]),
        (Transport::Udp, [UDP, OLD, ""]),
        (Transport::Tcp, [TCP, NEW, ""]),
        (Transport::Tcp, [TCP, NEW, LINES]),
        (Transport::Tcp, [TCP, OLD, ""]),
        (Transport::Tcp, [TCP, OLD, COUNTED]),
        (Transport::Tls, [TLS, NEW, ""]),
        (Transport::Tls, [TLS, OLD, ""]),
    ] {
        let peer = rsyslog::Options::new(transport);
        let receiver = Rsyslog::start(&packages, &peer).await;
        let tls = tls(peer.certificates.as_deref());
        send(receiver.address().port(), &options, &tls).await;
        check(&receiver.wait_for(MESSAGES.len()).await, &options);
    }
}

/// Scenario: the same for both drivers of syslog-ng, by the framing and in the format that each reads.
/// Guarantees: the same.
#[tokio::test]
async fn syslog_ng_understands_every_pairing() {
    let Some(packages) = packages("what syslog-ng makes of records").await else {
        return;
    };
    use syslog_ng::Source::{Network, NetworkProtocol, Syslog};
    for (source, transport, options) in [
        (Syslog, Transport::Udp, [UDP, NEW, ""]),
        (Network, Transport::Udp, [UDP, OLD, ""]),
        (Syslog, Transport::Tcp, [TCP, NEW, ""]),
        (Network, Transport::Tcp, [TCP, OLD, ""]),
        (NetworkProtocol, Transport::Tcp, [TCP, NEW, LINES]),
        (Syslog, Transport::Tls, [TLS, NEW, ""]),
        (Network, Transport::Tls, [TLS, OLD, ""]),
    ] {
        let records = syslog_ng(&packages, source, transport, &options).await;
        check(&records, &options);
    }
}

/// Scenario: CEF without a tag, as the agent of Microsoft Sentinel and ArcSight want it, reaches rsyslog by RFC 3164.
/// Guarantees: nothing stands between the host and `CEF:`, which rsyslog then takes for the tag.
#[tokio::test]
async fn cef_follows_the_host_where_there_is_no_tag() {
    let Some(packages) = packages("CEF without a tag").await else {
        return;
    };
    let receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    let options = format!("{TCP}\n{OLD}\napp_name: ''\nhostname: bridge");
    let mut bench = Bench::start(settings(receiver.address().port(), options));
    let text = Bytes::from_static(b"CEF:0|a|b|c|d|e|3|act=a");
    bench.stage.send_bytes(Kind::Alert, text, None).await;
    assert_eq!(bench.stage.close().await, Account::delivered(1));
    let record = &receiver.wait_for(1).await[0];
    let raw = record.raw.as_deref().expect("rsyslog keeps it");
    assert_eq!(raw, "<133>Sep 13 12:26:40 bridge CEF:0|a|b|c|d|e|3|act=a");
    assert_eq!(
        (&*record.app_name, record.message.trim()),
        ("CEF", "0|a|b|c|d|e|3|act=a")
    );
}

async fn syslog_ng(
    packages: &Packages,
    source: syslog_ng::Source,
    transport: Transport,
    options: &[&str; 3],
) -> Vec<Record> {
    let peer = syslog_ng::Options::new(source, transport);
    let receiver = SyslogNg::start(packages, &peer).await;
    send(
        receiver.address().port(),
        options,
        &tls(peer.certificates.as_deref()),
    )
    .await;
    receiver.wait_for(MESSAGES.len()).await
}

fn tls(certificates: Option<&Certificates>) -> String {
    certificates.map_or(String::new(), |certificates| {
        format!("tls: {{ ca_file: '{}' }}", certificates.ca().display())
    })
}

async fn send(port: u16, options: &[&str; 3], tls: &str) {
    let options = format!("{COMMON}\n{}\n{tls}", options.join("\n"));
    let mut bench = Bench::start(settings(port, options));
    for (text, kind, severity, _) in MESSAGES {
        let details = Details {
            severity: severity.map(Box::from),
            ..Details::default()
        };
        let text = Bytes::from_static(text.as_bytes());
        bench.stage.send_bytes(kind, text, Some(details)).await;
    }
    let account = bench.stage.close().await;
    assert_eq!(account, Account::delivered(MESSAGES.len() as i64));
}

fn check(records: &[Record], options: &[&str; 3]) {
    assert_eq!(records.len(), MESSAGES.len(), "{options:?}");
    let is_new = options[1] == NEW;
    for (record, (text, kind, _, priority)) in records.iter().zip(MESSAGES) {
        let seen = format!("{options:?}: {record:?}");
        assert_eq!(record.message.trim_start(), text, "{seen}");
        assert_eq!(record.hostname, "bridge.contoso.com", "{seen}");
        assert_eq!(record.app_name, "defender", "{seen}");
        assert_eq!(record.priority, priority, "{seen}");
        if is_new {
            assert_eq!(record.message_id, kind.as_str(), "{seen}");
            assert!(record.timestamp.starts_with("2020-09-13T12:26:40"), "{seen}");
        } else {
            // The year is the receiver's guess.
            assert!(record.timestamp.contains("-09-13T12:26:40"), "{seen}");
        }
    }
}
