//! Faults that a real receiver does not play on demand.

use futures_util::future::join_all;
use hub2siem::event::{Kind, RejectReason};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::TcpSocket;

use super::bench::Bench;
use super::lines::resent;
use super::relp_peer::{RelpPeer, Script};
use super::stage::Account;

/// Scenario: answers come in pieces of one byte, or of seven.
/// Guarantees: they are put together; nothing is sent twice.
#[tokio::test]
async fn answers_in_pieces() {
    for piece_bytes in [1, 7] {
        let peer = RelpPeer::start().await;
        peer.script().piece_bytes = Some(piece_bytes);
        let mut bench = Bench::start(peer.address(), "");
        bench.send(300).await;
        assert_eq!(bench.close().await, Account::delivered(300));
        assert_eq!(peer.taken(), Vec::from_iter(0..300));
    }
}

/// Scenario: the receiver answers nothing, for several sessions.
/// Guarantees: no more lines are sent than the window has. After the timeout the first of them is sent again, with the
/// numbers of a new session, and alone as long as nothing is answered; then all are, in order.
#[tokio::test]
async fn silence_is_not_multiplied() {
    let peer = RelpPeer::start().await;
    peer.script().is_silent = true;
    let mut bench = Bench::start(peer.address(), "window: 16\nanswer_timeout: 1s");
    bench.send(40).await;
    bench
        .until("a fourth session", |_| peer.sessions().len() >= 4)
        .await;
    // The first frame of a session is `open`.
    let window: Vec<_> = (0..16).map(|number| (number as u32 + 2, number)).collect();
    for (session, expected) in [(0, &window[..]), (1, &[(2, 0)]), (2, &[(2, 0)])] {
        let lines = peer.lines().into_iter().filter(|line| line.session == session);
        let numbers: Vec<_> = lines.map(|line| (line.frame, line.number())).collect();
        assert_eq!(numbers, expected, "session {session}");
    }
    assert_eq!(bench.settled(), 0);
    // The window once, and one line for each further session that ended; the newest one may still go on.
    let further = peer.sessions().len() as u64 - 1;
    let resent = resent(&bench);
    assert!((16 + further - 1..=16 + further).contains(&resent), "{resent}");
    peer.script().is_silent = false;
    assert_eq!(bench.close().await, Account::delivered(40));
    assert_eq!(peer.taken(), Vec::from_iter(0..40), "in order, each once");
}

/// Scenario: what comes in place of an answer is no frame, answers another frame, or no answer at all.
/// Guarantees: the session ends, and what was not answered is sent again; nothing is lost or refused.
#[tokio::test]
async fn broken_answers() {
    let garbage: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"77 rsp 6 200 OK\n",
        b"2 rsp 2 OK\n",
        b"2 rsp 0\n",
        b"2 hello 0\n",
        b"2 rsp 999999999 ",
    ];
    for garbage in garbage {
        let peer = RelpPeer::start().await;
        peer.script().garbage = Some(garbage.to_vec());
        let mut bench = Bench::start(peer.address(), "");
        bench.send(20).await;
        bench
            .until("the surprise", |bench| bench.retried("surprise") == 1)
            .await;
        assert_eq!(
            bench.close().await,
            Account::delivered(20),
            "{}",
            garbage.escape_ascii()
        );
    }
}

/// Scenario: the receiver ends the session in the middle of a window.
/// Guarantees: what was answered before is not sent again; the rest is, in order.
#[tokio::test]
async fn serverclose_in_the_middle() {
    let peer = RelpPeer::start().await;
    peer.script().closes_at = Some(10);
    let mut bench = Bench::start(peer.address(), "");
    bench.send(50).await;
    assert_eq!(bench.close().await, Account::delivered(50));
    assert_eq!(peer.taken(), Vec::from_iter(0..50));
    assert_eq!(peer.sessions().len(), 2);
}

/// Scenario: the receiver breaks the connection at one record, whenever it comes.
/// Guarantees: that one is a dead letter after others were taken in between; the others are delivered.
#[tokio::test]
async fn a_record_that_breaks_sessions() {
    let peer = RelpPeer::start().await;
    peer.script().breaks_at = Some("poison".to_owned());
    let mut bench = Bench::start(peer.address(), "window: 8");
    for number in 0..60 {
        let text = if number == 20 { "poison" } else { "" };
        bench.send_one(Kind::Assessment, text).await;
    }
    bench.until("settled", |bench| bench.settled() == 60).await;
    let detail = &bench.letters()[0].detail;
    assert!(detail.contains("the session ended at this record"), "{detail}");
    let account = bench.close().await;
    assert_eq!(account.dead, [(20, RejectReason::Refused)]);
    assert_eq!(account.delivered.len(), 59);
}

/// Scenario: a record is refused, or breaks the connection, and there is no other.
/// Guarantees: it is not given up, because the fault may be the receiver's; it is delivered once that is mended.
#[tokio::test]
async fn no_record_is_given_up_for_an_outage() {
    tokio::join!(outage(false), outage(true));
}

async fn outage(breaks: bool) {
    let peer = RelpPeer::start().await;
    let text = Some("number".to_owned());
    match breaks {
        true => peer.script().breaks_at = text,
        false => peer.script().refuses = text,
    }
    let mut bench = Bench::start(peer.address(), "");
    bench.send(2).await;
    // The third session has ended when the fourth begins.
    bench.until("tries", |_| peer.sessions().len() >= 4).await;
    assert_eq!(bench.account().unsettled, [0, 1]);
    *peer.script() = Script::default();
    assert_eq!(bench.close().await, Account::delivered(2));
}

/// Scenario: the bridge stops while nobody listens, so that nothing can be confirmed.
/// Guarantees: the target goes on trying until the grace period ends, returns at once then, and settles nothing.
#[tokio::test]
async fn a_stop_while_nobody_listens() {
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let address = closed.local_addr().expect("it is bound");
    let mut bench = Bench::start(address, "");
    bench.send(10).await;
    bench.until("tries", |bench| bench.retried("connect") >= 2).await;
    bench.abandon.cancel();
    assert_eq!(bench.close().await.unsettled, Vec::from_iter(0..10));
}

/// Runs; each has its own seed, which a failure names.
const SEEDS: std::ops::Range<u64> = 1..9;

/// Scenario: random faults follow each other while 400 records are sent.
/// Guarantees: every record is delivered, none is refused, and each was taken at least once.
#[tokio::test]
async fn every_account_balances() {
    join_all(SEEDS.map(run)).await;
}

async fn run(seed: u64) {
    println!("seed {seed}");
    let mut numbers = StdRng::seed_from_u64(seed);
    let peer = RelpPeer::start().await;
    let mut bench = Bench::start(peer.address(), "window: 24\nanswer_timeout: 1s");
    for _ in 0..8 {
        bench.send(50).await;
        let known = peer.sessions().len();
        {
            let mut script = peer.script();
            match numbers.random_range(0..5) {
                0 => script.is_silent = true,
                1 => script.closes_at = Some(numbers.random_range(0..20)),
                2 => script.garbage = Some(b"1 rsp".repeat(numbers.random_range(1..3))),
                3 => script.piece_bytes = Some(numbers.random_range(1..10)),
                _ => script.open_answer = Some("500 not now".to_owned()),
            }
        }
        if numbers.random_bool(0.5) {
            bench
                .until("a session more", |bench| {
                    peer.sessions().len() > known || bench.settled() == bench.sent()
                })
                .await;
        }
        *peer.script() = Script::default();
    }
    let sent = bench.sent() as i64;
    assert_eq!(bench.close().await, Account::delivered(sent));
    let mut taken = peer.taken();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken, Vec::from_iter(0..sent));
}
