//! Lines that are longer than a receiver takes, or just not.

use hub2siem::event::{Kind, RejectReason};

use super::bench::{Bench, settings};
use super::peers::{Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};
use super::stage::Account;

/// Scenario: receivers that take 64 KiB get JSON of 50 KB, between short records.
/// Guarantees: with the limit raised on both sides it arrives whole.
#[tokio::test]
async fn a_raised_limit_carries_long_json() {
    let Some(packages) = packages("long lines").await else {
        return;
    };
    let text = "x".repeat(50_000);
    let rsyslog = rsyslog::Options {
        message_limit: 65_536,
        ..rsyslog::Options::new(Transport::Tcp)
    };
    let rsyslog = Rsyslog::start(&packages, &rsyslog).await;
    let options = syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tcp);
    let syslog_ng = SyslogNg::start(&packages, &options).await;
    for port in [rsyslog.address().port(), syslog_ng.address().port()] {
        let mut bench = Bench::start(settings(
            port,
            "transport: tcp\nmessage_limit: 64KiB\nsettle_window: 200ms",
        ));
        bench.stage.send(1).await;
        bench.stage.send_one(Kind::Alert, &text).await;
        bench.stage.send(1).await;
        assert_eq!(bench.stage.close().await, Account::delivered(3));
    }
    for records in [rsyslog.wait_for(3).await, syslog_ng.wait_for(3).await] {
        let messages: Vec<_> = records.iter().map(|record| record.message.trim()).collect();
        let long = format!("{{\"number\":1,\"text\":{text:?}}}");
        let short = |number| format!("{{\"number\":{number},\"text\":\"\"}}");
        assert_eq!(messages, [short(0), long, short(2)]);
    }
}

/// Scenario: a receiver with its own default of 8,096 bytes gets lines of every length around our default, as CEF and as
/// JSON.
/// Guarantees: none is cut by the receiver; JSON that would be becomes a dead letter, and CEF keeps its identity and says what
/// is missing.
#[tokio::test]
async fn the_default_limit_fits_a_receiver_as_it_comes() {
    let Some(packages) = packages("the usual limit of lines").await else {
        return;
    };
    let receiver = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    let options = "transport: tcp\nsettle_window: 200ms";
    let mut bench = Bench::start(settings(receiver.address().port(), options));
    let json = |length: usize| format!("{{\"text\":{:?}}}", "j".repeat(length - 11));
    let header = "<133>1 2020-09-13T12:26:40.000Z hub2siem hub2siem - alert - ".len();
    let fits = json(8_000 - header);
    bench
        .stage
        .send_bytes(Kind::Alert, fits.clone().into(), None)
        .await;
    let too_long = json(8_001 - header);
    bench.stage.send_bytes(Kind::Alert, too_long.into(), None).await;
    let value = "\u{fc}".repeat(6_000);
    let cef = format!("CEF:0|M|D|1|c|n|8|act=a cs4={value} cs4Label=Remediation cs1={value} eventUid=e");
    bench.stage.send_bytes(Kind::Alert, cef.into(), None).await;
    bench.delivered(3).await;
    let account = bench.stage.close().await;
    assert_eq!(
        account,
        Account {
            delivered: vec![0, 2],
            dead: vec![(1, RejectReason::TooLarge)],
            unsettled: Vec::new()
        }
    );
    let records = receiver.wait_for(2).await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].message, fits);
    let raw = records[1].raw.as_deref().expect("rsyslog keeps it");
    assert!(raw.len() <= 8_000, "{}", raw.len());
    let shortened = &records[1].message;
    assert!(
        shortened.starts_with("CEF:0|M|D|1|c|n|8|act=a cs1=\u{fc}"),
        "{shortened}"
    );
    assert!(
        shortened.ends_with("\u{fc} eventUid=e truncated=true"),
        "{shortened}"
    );
}
