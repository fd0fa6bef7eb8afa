//! What a real rsyslog makes of the records.

use hub2siem::event::{Details, Kind};

use super::bench::{Bench, all_came};
use super::lines::number;
use super::peers::rsyslog::Options;
use super::peers::{Rsyslog, Transport, packages};
use super::stage::Account;

/// Scenario: records of several kinds and severities, in both forms of a line.
/// Guarantees: rsyslog reads every part of the header as it was meant, and the text byte by byte, in order and once.
#[tokio::test]
async fn reads_what_was_meant() {
    let Some(packages) = packages("the content of RELP messages at rsyslog").await else {
        return;
    };
    for format in ["rfc5424", "rfc3164"] {
        let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
        let lines = format!("format: {format}\nfacility: local3\nhostname: bridge-7\napp_name: mdc");
        let mut bench = Bench::start(receiver.address(), &lines);
        send_alert(&mut bench, "High").await;
        bench
            .send_one(Kind::Assessment, "quoted \" back\\slash tab\t \u{e9}\u{1f680}")
            .await;
        bench.send(500).await;
        assert_eq!(bench.close().await, Account::delivered(502));
        receiver.stop().await;
        let records = receiver.records();
        assert_eq!(records.len(), 502, "{}", receiver.log());
        for (position, record) in (0..).zip(&records) {
            assert_eq!(number(record), position);
            let severity = if position == 0 { 3 } else { 5 };
            assert_eq!(record.priority, 19 * 8 + severity);
            assert_eq!(record.hostname, "bridge-7");
            match format {
                "rfc5424" => {
                    let kind = if position == 0 { "alert" } else { "assessment" };
                    assert_eq!((&*record.app_name, &*record.message_id), ("mdc", kind));
                    assert!(
                        record.timestamp.starts_with("2020-09-13T12:26:40.000"),
                        "{record:?}"
                    );
                }
                _ => assert_eq!(record.app_name, "mdc"),
            }
        }
        let text: serde_json::Value = serde_json::from_str(&records[1].message).expect("it is JSON");
        assert_eq!(text["text"], "quoted \" back\\slash tab\t \u{e9}\u{1f680}");
    }
}

/// Scenario: a record of the longest line that the target writes, at a receiver with the limit of an empty configuration,
/// and one of 100,000 bytes at a receiver with a raised one.
/// Guarantees: the default limit is one that rsyslog takes whole; a raised limit works on both sides.
#[tokio::test]
async fn long_lines_arrive_whole() {
    let Some(packages) = packages("long RELP messages at rsyslog").await else {
        return;
    };
    for (limit, message_limit) in [(8_000, 8_096), (100_000, 100_000)] {
        let options = Options {
            message_limit,
            ..Options::new(Transport::Relp)
        };
        let receiver = Rsyslog::start(&packages, &options).await;
        let mut bench = Bench::start(receiver.address(), &format!("message_limit: {limit}B"));
        // Header and frame of the text take 100 bytes.
        let text = "x".repeat(limit - 100);
        bench.send_one(Kind::Assessment, &text).await;
        bench.send(1).await;
        assert_eq!(bench.close().await, Account::delivered(2));
        let records = receiver.wait_for(2).await;
        assert!(records[0].message.len() > text.len() && records[0].message.ends_with("x\"}"));
        assert_eq!(
            number(&records[1]),
            1,
            "nothing was cut off into a record of its own"
        );
    }
}

/// Scenario: rsyslog is stopped in order (SIGTERM) and started again, three times under load.
/// Guarantees: nothing is lost, since it writes its queue before it ends; what was under way may come twice.
#[tokio::test]
async fn restarts_lose_nothing() {
    let Some(packages) = packages("restarts of rsyslog under RELP load").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
    let mut bench = Bench::start(receiver.address(), "");
    for round in 1..=3 {
        let half = bench.settled() + 1_000;
        tokio::join!(bench.send(2_000), async {
            receiver.wait_for(half).await;
            receiver.restart().await;
        });
        assert_eq!(bench.sent(), round * 2_000);
    }
    assert_eq!(bench.close().await, Account::delivered(6_000));
    receiver.stop().await;
    let twice = all_came(&receiver.records(), 6_000);
    assert!(
        twice <= 3 * 128,
        "no more than the window comes twice per restart: {twice}"
    );
}

/// An alert of this severity, which is the next record.
async fn send_alert(bench: &mut Bench, severity: &str) {
    let details = Details {
        severity: Some(severity.into()),
        ..Details::default()
    };
    let text = format!("{{\"number\":{}}}", bench.sent());
    bench.send_bytes(Kind::Alert, text.into(), Some(details)).await;
}
