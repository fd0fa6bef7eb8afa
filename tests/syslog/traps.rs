//! Receivers that take bytes without reading them.

use std::net::SocketAddr;
use std::time::Duration;

use hub2siem::event::Kind;
use hub2siem::telemetry::health::BlockReason;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::bench::{Bench, settings};
use super::lines::resent;
use super::stage::Account;

const OPTIONS: &str = "transport: tcp\nframing: line_feed\nmessage_limit: 128KiB\nsettle_window: 300ms";
/// The same with a window that does not pass between two steps of a test, however slow the machine is.
const PATIENT: &str = "transport: tcp\nframing: line_feed\nmessage_limit: 128KiB\nsettle_window: 5s";
/// Larger than all buffers between the bridge and a program that does not read.
const LARGE: (usize, usize) = (600, 60_000);
/// Many settle windows.
const STUCK: Duration = Duration::from_secs(4);

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Reads lines until so many came, and gives their numbers.
async fn read(stream: &mut TcpStream, count: usize) -> Vec<usize> {
    let mut bytes = Vec::new();
    while memchr::memchr_iter(b'\n', &bytes).count() < count {
        let read = stream.read_buf(&mut bytes).await.expect("the connection holds");
        assert!(read > 0, "it ended before {count} lines");
    }
    let text = String::from_utf8(bytes).expect("it is text");
    let number = |line: &str| {
        let digits = line.split("\"number\":").nth(1).expect("it has one");
        let end = digits.find(',').expect("more follows");
        digits[..end].parse().expect("it is a number")
    };
    text.lines().map(number).collect()
}

/// Scenario: a receiver accepts, its system takes and acknowledges everything, and its program closes without having read.
/// Guarantees: nothing counts as delivered; everything is sent again in order on the next connection.
#[tokio::test]
async fn what_was_acknowledged_and_not_read_is_sent_again() {
    let (listener, address) = listen().await;
    let mut bench = Bench::start(settings(address.port(), PATIENT));
    let (first, _) = listener.accept().await.expect("it connects");
    bench.stage.send(100).await;
    first.readable().await.expect("something came");
    assert_eq!(bench.stage.settled(), 0);
    drop(first);
    let (mut second, _) = listener.accept().await.expect("it connects again");
    assert_eq!(bench.stage.settled(), 0);
    assert_eq!(read(&mut second, 100).await, (0..100).collect::<Vec<_>>());
    bench.delivered(100).await;
    assert!(resent(&bench.stage) > 0);
    drop(bench.settings);
    let close = tokio::spawn(bench.stage.close());
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).await.expect("it closes its side");
    drop(second);
    assert_eq!(rest.len(), 0);
    assert_eq!(close.await.expect("it does not panic"), Account::delivered(100));
}

/// Scenario: a receiver ends each connection as soon as something comes, as one does that expects another framing or shorter
/// lines; later it takes everything.
/// Guarantees: after a few times the target is blocked and names the options to look at; it goes on by itself.
#[tokio::test]
async fn a_receiver_that_ends_every_connection_is_named() {
    let (listener, address) = listen().await;
    let mut bench = Bench::start(settings(address.port(), PATIENT));
    bench.stage.send(10).await;
    while bench.stage.health.blocked().is_none() {
        let (stream, _) = listener.accept().await.expect("it connects");
        stream.readable().await.expect("something came");
        drop(stream);
        assert!(bench.stage.retried("connection_lost") < 10);
    }
    let blocked = bench.stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Configuration);
    assert!(blocked.detail.contains("`framing`"), "{}", blocked.detail);
    assert_eq!(bench.stage.settled(), 0);
    let (mut stream, _) = listener.accept().await.expect("it connects");
    assert_eq!(read(&mut stream, 10).await, (0..10).collect::<Vec<_>>());
    bench.delivered(10).await;
    assert_eq!(bench.stage.health.blocked(), None);
    bench.stage.abandon.cancel();
    assert_eq!(bench.stage.close().await, Account::delivered(10));
}

/// Scenario: a receiver stops reading while more is written than all buffers hold, for many settle windows, and then dies.
/// Guarantees: while a write waits for room nothing settles, and all that had not settled before arrives.
#[tokio::test]
async fn nothing_settles_while_a_receiver_does_not_read() {
    let (listener, address) = listen().await;
    let mut bench = Bench::start(settings(address.port(), OPTIONS));
    let (first, _) = listener.accept().await.expect("it connects");
    let (count, length) = LARGE;
    let text = "x".repeat(length);
    let mut is_stuck = false;
    while !is_stuck && bench.stage.sent() < count {
        let sending = bench.stage.send_one(Kind::Alert, &text);
        // The queue is full because nothing is written any more.
        is_stuck = tokio::time::timeout(STUCK, sending).await.is_err();
    }
    assert!(is_stuck, "the buffers of this machine hold everything");
    let (sent, settled) = (bench.stage.sent() - 1, bench.stage.settled());
    tokio::time::sleep(STUCK).await;
    assert_eq!(bench.stage.settled(), settled);
    drop(first);
    let (mut second, _) = listener.accept().await.expect("it connects again");
    let rest: Vec<_> = (settled..sent).collect();
    assert_eq!(read(&mut second, rest.len()).await[..rest.len()], rest[..]);
    bench.stage.abandon.cancel();
    bench.stage.ended().await;
}

/// Scenario: a receiver stops reading for so long that the system gives up the connection, while less is written than the
/// buffers here could hold. Then it reads what its own system had taken, and everything on the next connection.
/// Guarantees: nothing settles that had not reached the receiver's system; nothing is lost.
#[tokio::test]
async fn what_a_receiver_had_no_room_for_does_not_settle() {
    let (listener, address) = listen().await;
    // Inherited by its connections: some lines.
    SockRef::from(&listener)
        .set_recv_buffer_size(8 << 10)
        .expect("it is a socket");
    let mut bench = Bench::start(settings(address.port(), OPTIONS));
    let (mut first, _) = listener.accept().await.expect("it connects");
    let text = "x".repeat(1_000);
    let mut is_stuck = false;
    while !is_stuck && bench.stage.sent() < 400 {
        let sending = bench.stage.send_one(Kind::Alert, &text);
        is_stuck = tokio::time::timeout(STUCK, sending).await.is_err();
    }
    tokio::time::sleep(STUCK).await;
    let (sent, settled) = (bench.stage.sent() - usize::from(is_stuck), bench.stage.settled());
    bench
        .stage
        .until("the end", |stage| stage.retried("connection_lost") == 1)
        .await;
    assert_eq!(
        bench.stage.settled(),
        settled,
        "nothing settles while it stands still"
    );
    let mut taken = Vec::new();
    // It ends with a reset.
    while first.read_buf(&mut taken).await.is_ok_and(|count| count > 0) {}
    let whole = memchr::memchr_iter(b'\n', &taken).count();
    assert!(
        settled <= whole,
        "{settled} settled, {whole} reached the receiver"
    );
    let (mut second, _) = listener.accept().await.expect("it connects again");
    let rest: Vec<_> = (settled..sent).collect();
    assert_eq!(read(&mut second, rest.len()).await[..rest.len()], rest[..]);
    bench.stage.abandon.cancel();
    bench.stage.ended().await;
}
