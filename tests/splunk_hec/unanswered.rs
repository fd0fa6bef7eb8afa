//! Replies and acknowledgements that come late, cut, from another node, or not at all.

use std::time::Duration;

use hub2siem::emulator::splunk_hec::{Answer, Content, Fate, RequestKind};

use super::bench::{Bench, SMALL, receiver};

/// Scenario: the connection ends after the body was read, before a reply.
/// Guarantees: the batch is sent again; its duplicates are the only ones.
#[tokio::test]
async fn reset_after_the_body() {
    let receiver = receiver().await;
    receiver
        .script()
        .then(RequestKind::Event, [Answer::default().with_fate(Fate::Lost)]);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(30).await;
    bench
        .until("a surprise", |bench| bench.retried("surprise") == 1)
        .await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 10);
}

/// Scenario: a reply takes seconds.
/// Guarantees: it is waited for; nothing is sent twice.
#[tokio::test]
async fn a_slow_reply() {
    let receiver = receiver().await;
    let slow = Answer::default().after(Duration::from_secs(3));
    receiver.script().then(RequestKind::Event, [slow]);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(20).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: acknowledgements never come for a while; 50 records in 5 batches wait.
/// Guarantees: after the timeout one batch goes alone under a new channel until one acknowledgement came; then the
/// rest. Nothing settles before.
#[tokio::test]
async fn acknowledgements_stop_coming() {
    let receiver = receiver().await;
    receiver.script().never_acknowledges = true;
    let mut bench = Bench::start(&receiver, &format!("{SMALL}\nacknowledgement_timeout: 2s"));
    bench.send(50).await;
    bench
        .until("two timeouts of the probe", |bench| {
            bench.retried("acknowledgement_timeout") >= 7
        })
        .await;
    assert_eq!(bench.settled(), 0);
    // Five of the window, and then one for each probe but the one on its way.
    let probes = bench.retried("acknowledgement_timeout") - 5 + 1;
    let received = receiver.statistics().received;
    assert!(
        received <= 50 + probes * 10,
        "only a probe is repeated, not the window: {received}"
    );
    receiver.script().never_acknowledges = false;
    bench.balance(&[&receiver], &[]).await;
}

/// Scenario: the answer to a question is lost after the peer counted it as told.
/// Guarantees: the batch is sent again after the timeout and settles once.
#[tokio::test]
async fn a_lost_answer_used_up_its_true() {
    let receiver = receiver().await;
    receiver.script().then(
        RequestKind::Acknowledgement,
        [Answer::default().with_fate(Fate::Lost)],
    );
    let mut bench = Bench::start(&receiver, &format!("{SMALL}\nacknowledgement_timeout: 10s"));
    bench.send(10).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 10);
}

/// Scenario: questions are answered with a page and by a server error for a while.
/// Guarantees: that says nothing; they are asked again and nothing is sent twice.
#[tokio::test]
async fn questions_without_an_answer() {
    let receiver = receiver().await;
    let answers = [Content::Html(200).into(), Answer::code(9)];
    receiver.script().then(RequestKind::Acknowledgement, answers);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: a balancer moves the session to another node, which its cookie shows.
/// Guarantees: what the first node owes is sent again at once, not after the timeout.
#[tokio::test]
async fn another_node_by_its_cookie() {
    let receiver = receiver().await;
    {
        let mut script = receiver.script();
        script.sets_node_cookie = true;
        script.never_acknowledges = true;
    }
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench
        .until("taken", |_| receiver.statistics().received == 10)
        .await;
    {
        let mut script = receiver.script();
        script.node = 1;
        script.never_acknowledges = false;
    }
    bench
        .until("noticed", |bench| bench.retried("channel_lost") == 1)
        .await;
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 10);
}

/// Scenario: a balancer sets a new cookie in every reply although nothing moves.
/// Guarantees: the target does not send the same records for ever.
#[tokio::test]
async fn a_cookie_that_changes_with_every_reply() {
    let receiver = receiver().await;
    let cookies = (0..200).map(|number| Answer {
        set_cookie: Some(format!("session={number}")),
        ..Answer::default()
    });
    let answers: Vec<Answer> = cookies.collect();
    receiver.script().then(RequestKind::Event, answers.clone());
    receiver.script().then(RequestKind::Acknowledgement, answers);
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(50).await;
    bench.balance(&[&receiver], &[]).await;
}

/// Scenario: a balancer moves the session to a node that does not know the channel, without a sign.
/// Guarantees: after the timeout, or once ids begin again, the records are sent again.
#[tokio::test]
async fn another_node_without_a_sign() {
    let receiver = receiver().await;
    receiver.script().never_acknowledges = true;
    let mut bench = Bench::start(&receiver, &format!("{SMALL}\nacknowledgement_timeout: 3s"));
    bench.send(10).await;
    bench
        .until("taken", |_| receiver.statistics().received == 10)
        .await;
    {
        let mut script = receiver.script();
        script.node = 1;
        script.never_acknowledges = false;
    }
    bench.send(10).await;
    bench
        .until("noticed", |bench| {
            bench.retried("channel_lost") + bench.retried("acknowledgement_timeout") >= 1
        })
        .await;
    bench.balance(&[&receiver], &[]).await;
}

/// Scenario: the grace period ends while acknowledgements are missing.
/// Guarantees: the target returns at once and settles nothing.
#[tokio::test]
async fn abandoned() {
    let receiver = receiver().await;
    receiver.script().never_acknowledges = true;
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench
        .until("taken", |_| receiver.statistics().received == 10)
        .await;
    bench.abandon.cancel();
    bench.ended().await;
    assert_eq!(bench.settled(), 0);
    assert!(bench.letters().is_empty());
}
