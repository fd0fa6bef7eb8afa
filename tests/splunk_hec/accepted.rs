//! The peer takes everything, sooner or later.

use std::time::Duration;

use futures_util::future::join_all;
use hub2siem::emulator::splunk_hec::{Answer, Content, RequestKind};
use hub2siem::event::Kind;

use super::bench::{Bench, SMALL, receiver, receiver_without_acknowledgement, settings};

/// Scenario: 1,000 records, acknowledgement on, two workers.
/// Guarantees: each is settled once, none is sent twice, and the envelopes are what the options say.
#[tokio::test]
async fn acknowledged() {
    let receiver = receiver().await;
    let mut bench = Bench::start(
        &receiver,
        "batch: { linger: 1h }\nindex: { alert: sec, otherwise: mdc }",
    );
    bench.send(999).await;
    bench.send_one(Kind::Alert, "").await;
    bench.balance(&[&receiver], &[]).await;
    let envelopes = receiver.envelopes();
    assert_eq!(receiver.statistics().duplicates, 0);
    assert!(receiver.statistics().requests <= 6, "{:?}", receiver.statistics());
    let find = |text: &str| {
        let envelope = envelopes
            .iter()
            .find(|envelope| envelope.event().starts_with(text.as_bytes()));
        let envelope = envelope.expect("it was taken");
        serde_json::from_slice::<serde_json::Value>(&envelope.bytes).expect("an envelope is JSON")
    };
    let assessment = find("{\"number\":7,");
    assert_eq!(
        assessment,
        serde_json::json!({
            "event": { "number": 7, "text": "" },
            "time": 1722937225.052,
            "host": "hub2siem",
            "source": "eventhub:contoso.servicebus.windows.net/defender",
            "sourcetype": "mdc:assessment",
            "index": "mdc",
            "fields": {
                "kind": "assessment",
                "event_id": assessment["fields"]["event_id"],
                "is_snapshot": "false",
                "key": "/subscriptions/7/\"quoted\"",
            },
        })
    );
    let alert = find("{\"number\":999,");
    assert_eq!(alert["time"], serde_json::json!(1600000000.0));
    assert_eq!(
        (&alert["index"], &alert["sourcetype"]),
        (&"sec".into(), &"mdc:alert".into())
    );
}

/// Scenario: acknowledgement off, with and without compression.
/// Guarantees: the reply settles the records.
#[tokio::test]
async fn unacknowledged() {
    for lines in ["acknowledgement: off", "acknowledgement: off\ncompression: none"] {
        let receiver = receiver_without_acknowledgement().await;
        let mut bench = Bench::start(&receiver, &format!("{lines}\n{SMALL}"));
        bench.send(25).await;
        bench.balance(&[&receiver], &[]).await;
        assert_eq!(receiver.statistics().duplicates, 0);
    }
}

/// Scenario: no acknowledgement is true while 500 records wait, and then each is.
/// Guarantees: once the peer took the requests, the window books little more than the compressed requests.
#[tokio::test]
async fn bodies_are_let_go_while_waiting() {
    let receiver = receiver().await;
    receiver.script().never_acknowledges = true;
    let mut bench = Bench::start(&receiver, "batch: { records: 100, linger: 20ms }");
    let text = "large ".repeat(500);
    for _ in 0..500 {
        bench.send_one(Kind::Assessment, &text).await;
    }
    bench
        .until("every record taken", |_| receiver.statistics().received == 500)
        .await;
    bench
        .until("bodies let go of", |bench| bench.window.bytes() < 500 * 400)
        .await;
    assert!(bench.window.bytes() > 0, "what is kept is booked");
    assert_eq!(bench.settled(), 0, "nothing settles before its acknowledgement");
    receiver.script().never_acknowledges = false;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: the peer takes events with codes 24 and 25.
/// Guarantees: that is an acceptance; nothing is sent again.
#[tokio::test]
async fn nearing_capacity_is_accepted() {
    let receiver = receiver().await;
    let pressed = [24, 25, 24].map(|code| Answer::from(Content::Pressed(code)));
    receiver.script().then(RequestKind::Event, pressed);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(50).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: busy (9), at capacity with `Retry-After` (26), internal error (8), shutting down (23), then well.
/// Guarantees: the records are tried again until they are taken, once each.
#[tokio::test]
async fn transient_refusals_are_tried_again() {
    let cases = [(9, "busy"), (26, "busy"), (8, "unavailable"), (23, "unavailable")];
    join_all(cases.map(|(code, reason)| refuse_once(code, reason))).await;
}

async fn refuse_once(code: u16, reason: &str) {
    let receiver = receiver().await;
    let answer = Answer {
        retry_after: (code == 26).then_some(1),
        ..Answer::code(code)
    };
    receiver.script().then(RequestKind::Event, [answer]);
    let began = std::time::Instant::now();
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench.until("a retry", |bench| bench.retried(reason) == 1).await;
    bench.until("settled", |bench| bench.settled() == 10).await;
    assert!(
        code != 26 || began.elapsed() >= Duration::from_secs(1),
        "`Retry-After` is heeded"
    );
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0, "{code}");
}

/// Scenario: compressed requests are answered 415.
/// Guarantees: the same records go plain, and so does everything after them.
#[tokio::test]
async fn plain_after_gzip_was_refused() {
    let receiver = receiver().await;
    receiver.script().refuses_gzip = true;
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench
        .until("taken", |_| receiver.statistics().received == 10)
        .await;
    bench.send(10).await;
    bench
        .until("compression given up", |bench| {
            bench.retried("compression_refused") == 1
        })
        .await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().requests, 3);
}

/// Scenario: two receivers, one of which goes away.
/// Guarantees: both get batches; the remaining one gets everything after.
#[tokio::test]
async fn several_endpoints() {
    let (first, second) = (receiver().await, receiver().await);
    let endpoints = [first.endpoint(), second.endpoint()];
    let lines = "batch: { records: 10, linger: 20ms }\nacknowledgement_timeout: 2s";
    let mut bench = Bench::with(settings(&endpoints, lines));
    bench.send(200).await;
    bench
        .until("both at work", |_| {
            first.statistics().received > 0 && second.statistics().received > 0
        })
        .await;
    bench.until("settled", |bench| bench.settled() == 200).await;
    let envelopes = first.envelopes().len();
    first
        .script()
        .then(RequestKind::Health, std::iter::repeat_n(Answer::code(18), 10_000));
    first
        .script()
        .then(RequestKind::Event, std::iter::repeat_n(Answer::code(23), 10_000));
    bench.send(200).await;
    bench.until("settled", |bench| bench.settled() == 400).await;
    assert_eq!(
        first.envelopes().len(),
        envelopes,
        "an endpoint in trouble gets nothing"
    );
    bench.balance(&[&first, &second], &[]).await;
}

/// Scenario: one of two receivers is shutting down (23) and unhealthy for two questions, then well again.
/// Guarantees: it gets nothing meanwhile and is asked only for its health; then it gets batches again by itself.
#[tokio::test]
async fn an_endpoint_comes_back() {
    let (first, second) = (receiver().await, receiver().await);
    let endpoints = [first.endpoint(), second.endpoint()];
    let mut bench = Bench::with(settings(&endpoints, SMALL));
    first
        .script()
        .then(RequestKind::Health, std::iter::repeat_n(Answer::code(18), 2));
    first
        .script()
        .then(RequestKind::Event, std::iter::repeat_n(Answer::code(23), 2));
    let mut sent = 0;
    while bench.retried("unavailable") == 0 {
        bench.send(10).await;
        sent += 10;
        bench.until("settled", |bench| bench.settled() == sent).await;
    }
    let before = first.statistics().received;
    bench
        .until("questions for its health", |_| {
            first.script().is_played(RequestKind::Health)
        })
        .await;
    assert_eq!(
        first.statistics().received,
        before,
        "an endpoint in trouble gets nothing"
    );
    while first.statistics().received == before {
        bench.send(10).await;
        sent += 10;
        bench.until("settled", |bench| bench.settled() == sent).await;
    }
    bench.balance(&[&first, &second], &[]).await;
}
