//! The peer refuses records or batches for good.

use std::time::Duration;

use futures_util::future::join_all;
use hub2siem::deliver::dead_letter::Content as Kept;
use hub2siem::emulator::splunk_hec::{Answer, Content, Fate, RequestKind};
use hub2siem::event::{Kind, RejectReason};

use super::bench::{Bench, SMALL, receiver, receiver_without_acknowledgement};

/// Scenario: codes 6, 12, 13 and 15 for the first, a middle and the last record of a batch, and for all of a kind.
/// Guarantees: exactly the refused record becomes a dead letter with the peer's text; the others are taken once.
#[tokio::test]
async fn one_record_is_refused() {
    let cases = [6, 12, 13, 15]
        .into_iter()
        .flat_map(|code| [0, 4, 9].map(|position| (code, position)));
    join_all(cases.map(|(code, position)| refuse_one(code, position))).await;
}

async fn refuse_one(code: u16, position: i64) {
    let receiver = receiver().await;
    receiver.script().poison = Some(("poison".to_owned(), code));
    let mut bench = Bench::start(&receiver, SMALL);
    for number in 0..20 {
        let text = if number == position { "poison" } else { "fine" };
        bench.send_one(Kind::Assessment, text).await;
    }
    bench.until("refused", |bench| bench.letters().len() == 1).await;
    let letter = bench.letters().remove(0);
    assert_eq!(letter.reason, RejectReason::Refused);
    assert!(
        letter.detail.starts_with(&format!("code {code}: ")),
        "{}",
        letter.detail
    );
    assert!(matches!(&letter.content, Kept::Body(body) if body.ends_with(b"\"original\":true}")));
    bench.balance(&[&receiver], &[position]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: the same without acknowledgement.
/// Guarantees: as above.
#[tokio::test]
async fn one_record_is_refused_without_acknowledgement() {
    let receiver = receiver_without_acknowledgement().await;
    receiver.script().poison = Some(("poison".to_owned(), 6));
    let mut bench = Bench::start(&receiver, &format!("{SMALL}\nacknowledgement: off"));
    for number in 0..20 {
        bench
            .send_one(Kind::Assessment, if number % 7 == 3 { "poison" } else { "fine" })
            .await;
    }
    bench.balance(&[&receiver], &[3, 10, 17]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: a batch is refused with code 6 naming its first object because it is too long; alone each record is taken.
/// Guarantees: no record is refused, none is sent twice.
#[tokio::test]
async fn refused_for_the_size_of_its_batch() {
    let receiver = receiver().await;
    receiver.script().then(
        RequestKind::Event,
        [Content::Partial { code: 6, number: 0 }.into()],
    );
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(30).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: bodies above 4,000 bytes are answered 413; one record alone is above.
/// Guarantees: batches are divided until they fit; only the record that cannot fit becomes a dead letter.
#[tokio::test]
async fn too_large() {
    let receiver = receiver().await;
    receiver.script().body_limit_bytes = Some(4_000);
    let mut bench = Bench::start(&receiver, "batch: { records: 50, linger: 20ms }\nworkers: 1");
    bench.send(60).await;
    bench.send_one(Kind::Assessment, &"x".repeat(5_000)).await;
    bench.send(20).await;
    bench.until("refused", |bench| bench.letters().len() == 1).await;
    assert_eq!(bench.letters()[0].reason, RejectReason::TooLarge);
    bench.balance(&[&receiver], &[60]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: something before the collector answers one record's request with a page, whatever batch it is in.
/// Guarantees: the record becomes a dead letter only after others were accepted in between; those are not harmed.
#[tokio::test]
async fn a_page_for_one_record() {
    let receiver = receiver().await;
    receiver.script().html_for = Some("poison".to_owned());
    let mut bench = Bench::start(&receiver, "batch: { records: 4, linger: 20ms }\nworkers: 1");
    bench.send_one(Kind::Assessment, "poison").await;
    bench.send(3).await;
    bench
        .until("a surprise", |bench| bench.retried("surprise") >= 6)
        .await;
    assert!(
        bench.letters().is_empty(),
        "nothing else was accepted after the record stood alone"
    );
    let given_up = async {
        while bench.letters().is_empty() {
            // Fewer than a batch has: they must not wait behind it for company.
            bench.send(1).await;
            let sent = bench.sent();
            bench.until("the next", |bench| bench.settled() + 1 >= sent).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), given_up).await;
    waited.expect("it is given up");
    bench.balance(&[&receiver], &[0]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: for a while everything is answered by a proxy: 200, 403 and 404 with a page, 502.
/// Guarantees: nothing is refused for it, however few records a batch has.
#[tokio::test]
async fn a_proxy_outage_refuses_nothing() {
    let receiver = receiver().await;
    let pages = [200, 404, 403, 502].map(|status| Answer::from(Content::Html(status)));
    receiver.script().then(RequestKind::Event, pages);
    let mut bench = Bench::start(&receiver, "batch: { records: 1, linger: 20ms }\nworkers: 1");
    bench.send(3).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: a batch is taken, its acknowledgement never comes, and on the second try one record is refused.
/// Guarantees: the dead letter has the rendered record, because the original was let go of when the batch was taken.
#[tokio::test]
async fn refused_on_a_resend() {
    let receiver = receiver().await;
    receiver.script().never_acknowledges = true;
    let mut bench = Bench::start(&receiver, &format!("{SMALL}\nacknowledgement_timeout: 1500ms"));
    for number in 0..10 {
        bench
            .send_one(Kind::Assessment, if number == 5 { "poison" } else { "fine" })
            .await;
    }
    bench
        .until("taken", |_| receiver.statistics().received == 10)
        .await;
    {
        let mut script = receiver.script();
        script.never_acknowledges = false;
        script.poison = Some(("poison".to_owned(), 6));
        script.node = 1;
    }
    bench.until("refused", |bench| bench.letters().len() == 1).await;
    match &bench.letters()[0].content {
        Kept::Rendered(rendered) => assert_eq!(&rendered[..], br#"{"number":5,"text":"poison"}"#),
        other => panic!("{other:?}"),
    }
    bench.balance(&[&receiver], &[5]).await;
}

/// Scenario: a reply is cut in its middle after the events were taken.
/// Guarantees: they are sent again, which is the only source of duplicates, and settle once.
#[tokio::test]
async fn a_cut_reply() {
    let receiver = receiver().await;
    receiver
        .script()
        .then(RequestKind::Event, [Answer::default().with_fate(Fate::Cut)]);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench
        .until("a surprise", |bench| bench.retried("surprise") == 1)
        .await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 10);
}
