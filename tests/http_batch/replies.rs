//! Replies that nobody should give, that are lost, or that say of each record something else.

use std::time::Duration;

use hub2siem::event::{Kind, RejectReason};
use hub2siem::telemetry::health::BlockReason;

use super::bench::{Bench, SMALL};
use super::http_peer::{Answer, Cluster, Fault, Hook, Peer};
use super::stage::Account;

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scenario: a cluster takes requests whose replies a gateway replaces by its own page, with a good and with a bad status.
/// Guarantees: a page is never taken for a delivery; sent again, each document is there once.
#[tokio::test]
async fn a_page_is_no_bulk_reply() {
    let peer = Peer::start(Cluster::default()).await;
    peer.then([200, 502, 404, 302].map(|status| Fault::Hidden(Answer::page(status))));
    let mut bench = Bench::elasticsearch(&[peer.endpoint()], SMALL);
    bench.send(10).await;
    bench.until("delivered", |bench| bench.settled() == 10).await;
    assert_eq!(peer.receiver().created.len(), 10);
    assert_eq!(peer.receiver().repeated.len(), 40, "each page hid a delivery");
    bench.delivered_to(&[&peer]).await;
}

/// Scenario: a bulk reply says less than was asked for, and one is about other actions.
/// Guarantees: nothing settles by it.
#[tokio::test]
async fn a_reply_about_other_records_settles_nothing() {
    let peer = Peer::start(Cluster::default()).await;
    let replies = [
        serde_json::json!({ "errors": false, "items": [{ "create": { "status": 201 } }] }),
        serde_json::json!({ "errors": false, "items": vec![serde_json::json!({ "index": { "status": 201 } }); 10] }),
        serde_json::json!({ "errors": false }),
    ];
    peer.then(replies.map(|reply| Fault::Instead(Answer::json(200, &reply))));
    let mut bench = Bench::elasticsearch(&[peer.endpoint()], &format!("{SMALL}\nworkers: 1"));
    bench.send(10).await;
    bench.until("delivered", |bench| bench.settled() == 10).await;
    assert_eq!(
        bench.retried("surprise"),
        4,
        "three replies; the last one divides the batch"
    );
    bench.delivered_to(&[&peer]).await;
}

/// Scenario: one batch has a refused, some rejected, some taken records and some that were there before.
/// Guarantees: each record gets its own outcome, and what was taken is not sent again.
#[tokio::test]
async fn each_record_of_a_batch_has_its_own_outcome() {
    let peer = Peer::start(Cluster::default()).await;
    let mut before = Bench::elasticsearch(&[peer.endpoint()], SMALL);
    before.send(5).await;
    before.delivered_to(&[&peer]).await;
    peer.receiver().poison = Some("poison".to_owned());
    peer.receiver().busy_documents = 2;
    peer.receiver().document_limit_bytes = Some(500);
    let lines = "batch: { records: 20, linger: 1h }\nworkers: 1";
    let mut bench = Bench::elasticsearch(&[peer.endpoint()], lines);
    for number in 0..20 {
        let text = match number {
            11 => "poison".to_owned(),
            15 => "x".repeat(600),
            _ => String::new(),
        };
        bench.send_one(Kind::Assessment, &text).await;
    }
    bench.until("settled", |bench| bench.settled() == 20).await;
    assert_eq!(
        peer.requests().len(),
        3,
        "one of the run before, one whole, one with the rest"
    );
    assert_eq!(bench.retried("busy"), 1);
    assert_eq!(peer.receiver().repeated.len(), 5);
    let account = bench.close().await;
    let dead = [(11, RejectReason::Refused), (15, RejectReason::TooLarge)];
    assert_eq!(account.dead, dead);
    assert_eq!(account.delivered.len(), 18);
}

/// Scenario: a data stream keeps what it cannot parse in its failure store, and says that it created the document.
/// Guarantees: that is no delivery: the record is a dead letter, the others are delivered.
#[tokio::test]
async fn a_failure_store_is_no_delivery() {
    let peer = Peer::start(Cluster::default()).await;
    peer.receiver().poison = Some("poison".to_owned());
    peer.receiver().has_failure_store = true;
    let mut bench = Bench::elasticsearch(&[peer.endpoint()], SMALL);
    bench.send(5).await;
    bench.send_one(Kind::Alert, "poison").await;
    bench.send(4).await;
    let account = bench.close().await;
    assert_eq!(account.dead, [(5, RejectReason::Refused)]);
    assert_eq!(account.delivered.len(), 9);
}

/// Scenario: a webhook refuses whatever it is sent, because the target is set up wrongly.
/// Guarantees: the target is blocked for its configuration; no good record becomes a dead letter.
#[tokio::test]
async fn a_peer_that_never_took_anything_refuses_the_configuration() {
    let peer = Peer::start(Hook::default()).await;
    peer.receiver().poison = Some(("number".to_owned(), 400));
    let mut bench = Bench::http(&peer.endpoint(), SMALL);
    bench.send(20).await;
    bench
        .until("blocked", |bench| bench.health.blocked().is_some())
        .await;
    let blocked = bench.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Configuration);
    assert!(
        !blocked.detail.contains("welcome"),
        "a log has no words of a body: {}",
        blocked.detail
    );
    assert_eq!((bench.settled(), bench.letters().len()), (0, 0));
    peer.receiver().poison = None;
    bench.until("delivered", |bench| bench.settled() == 20).await;
    assert_eq!(bench.close().await, Account::delivered(20));
}

/// Scenario: the very first record is the one that is refused, and others come behind it.
/// Guarantees: it is told from a wrong configuration: the others are taken, it becomes a dead letter.
#[tokio::test]
async fn a_refused_first_record_is_found() {
    let peer = Peer::start(Hook::default()).await;
    peer.receiver().poison = Some(("poison".to_owned(), 400));
    let mut bench = Bench::http(&peer.endpoint(), SMALL);
    bench.send_one(Kind::Alert, "poison").await;
    bench.send(19).await;
    bench.until("settled", |bench| bench.settled() == 20).await;
    assert_eq!(bench.close().await.dead, [(0, RejectReason::Refused)]);
}

/// Scenario: a filter in front answers one record with a page of its own, whatever it is sent with.
/// Guarantees: after the others were taken it becomes a dead letter; nothing else does.
#[tokio::test]
async fn a_record_that_always_surprises_is_found() {
    let peer = Peer::start(Hook::default()).await;
    peer.receiver().poison = Some(("poison".to_owned(), 418));
    let mut bench = Bench::http(&peer.endpoint(), SMALL);
    bench.send(5).await;
    bench.send_one(Kind::Alert, "poison").await;
    bench.send(4).await;
    bench.until("the others", |bench| bench.settled() == 9).await;
    // It is given up only after others were taken between its tries.
    let given_up = async {
        while bench.letters().is_empty() {
            bench.send(1).await;
            let sent = bench.sent();
            bench.until("the next", |bench| bench.settled() + 1 >= sent).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, given_up).await;
    waited.expect("it is given up");
    let account = bench.close().await;
    assert_eq!(account.dead, [(5, RejectReason::Refused)]);
}

/// Scenario: compressed requests are refused.
/// Guarantees: the same records go on without compression, and later ones at once.
#[tokio::test]
async fn goes_on_without_compression() {
    let peer = Peer::start(Hook::default()).await;
    peer.receiver().refuses_gzip = true;
    let mut bench = Bench::http(&peer.endpoint(), &format!("{SMALL}\ncompression: gzip"));
    bench.send(10).await;
    bench.until("delivered", |bench| bench.settled() == 10).await;
    bench.send(10).await;
    bench.until("delivered", |bench| bench.settled() == 20).await;
    let compressed = peer.requests().iter().filter(|request| request.is_gzip).count();
    assert_eq!((compressed, bench.retried("compression_refused")), (1, 1));
    assert_eq!(bench.close().await, Account::delivered(20));
}

/// Scenario: records of CEF and of JSON over several lines, in lines and one by one.
/// Guarantees: a record stays one line; each form says its content type.
#[tokio::test]
async fn forms_and_content_types() {
    let cases = [
        ("format: lines", r#"{"number":1}"#, "application/x-ndjson"),
        ("format: lines", "CEF:0|a|b|1|c|n|3|", "text/plain; charset=utf-8"),
        (
            "format: single",
            "CEF:0|a|b|1|c|n|3|",
            "text/plain; charset=utf-8",
        ),
        ("format: single", r#"{"number":1}"#, "application/json"),
        ("format: json_array", r#"{"number":1}"#, "application/json"),
        (
            "headers: { Content-Type: text/x-own }",
            r#"{"number":1}"#,
            "text/x-own",
        ),
    ];
    for (lines, record, expected) in cases {
        let peer = Peer::start(Hook::default()).await;
        let mut bench = Bench::http(&peer.endpoint(), lines);
        bench
            .send_bytes(Kind::Alert, record.to_owned().into(), None)
            .await;
        assert_eq!(bench.close().await, Account::delivered(1));
        let request = peer.requests().pop().expect("there was one");
        assert_eq!(request.headers["content-type"], expected, "{lines}");
        assert!(String::from_utf8_lossy(&request.body).contains(record));
    }
    let peer = Peer::start(Hook::default()).await;
    let mut bench = Bench::http(&peer.endpoint(), "method: put");
    bench
        .send_bytes(Kind::Alert, "{\r\n \"number\": 1\n}".into(), None)
        .await;
    assert_eq!(bench.close().await, Account::delivered(1));
    let request = peer.requests().pop().expect("there was one");
    assert_eq!(
        (request.method.as_str(), &request.body[..]),
        ("PUT", &b"{   \"number\": 1 }\n"[..])
    );
}
