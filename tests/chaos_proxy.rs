//! The proxy that breaks connections, tried on its own: a fault test is worth what its fault is.

mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use support::proxy::{Direction, Mode, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing must happen for a line to count as silent.
const SILENCE: Duration = Duration::from_millis(200);

/// Scenario: no fault. Guarantees: bytes arrive unchanged both ways, and an end passes while the other way goes on.
#[tokio::test]
async fn passes_bytes_and_ends() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut client = connect(&proxy).await;
    let sent: Vec<u8> = (0..300_000u32).map(|number| number as u8).collect();
    let (mut read, mut write) = client.split();
    let mut received = Vec::new();
    let (written, end) = tokio::join!(
        async {
            write.write_all(&sent).await?;
            write.shutdown().await
        },
        read.read_to_end(&mut received),
    );
    written.expect("the proxy takes all");
    end.expect("the end arrives in order");
    assert_eq!(received, sent);
    proxy.wait_until_open(0).await;
}

/// Scenario: a peer's port closes and opens again.
/// Guarantees: new connections are refused meanwhile, an open one goes on, and the address stays the same.
#[tokio::test]
async fn refuses_new_connections_and_restores_the_port() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut before = connect(&proxy).await;
    assert_echo(&mut before).await;

    proxy.set(Mode::Refuse).await;
    let error = TcpStream::connect(proxy.address())
        .await
        .expect_err("the port is closed");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_echo(&mut before).await;

    proxy.set(Mode::Pass).await;
    assert_echo(&mut connect(&proxy).await).await;
}

/// Scenario: connections are reset while the peer lives on.
/// Guarantees: the client sees a reset, not an orderly end, and can connect again.
#[tokio::test]
async fn resets_what_is_open() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut client = connect(&proxy).await;
    assert_echo(&mut client).await;

    proxy.reset_connections().await;
    let error = client.read_u8().await.expect_err("the connection is gone");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_echo(&mut connect(&proxy).await).await;
}

/// Scenario: a half-open connection: the peer is silent, and its end does not arrive either.
/// Guarantees: nothing comes, new connections open and are silent too, and what waited comes when the line heals.
#[tokio::test]
async fn stalls_without_an_end() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut client = connect(&proxy).await;
    assert_echo(&mut client).await;

    proxy.set(Mode::Stall).await;
    let mut late = connect(&proxy).await;
    for stream in [&mut client, &mut late] {
        stream.write_all(b"x").await.expect("the proxy's kernel takes it");
        assert!(
            timeout(SILENCE, stream.read_u8()).await.is_err(),
            "nothing comes back"
        );
    }

    proxy.set(Mode::Pass).await;
    for stream in [&mut client, &mut late] {
        assert_eq!(
            timeout(PATIENCE, stream.read_u8())
                .await
                .expect("in time")
                .expect("it lives"),
            b'x'
        );
    }
}

/// Scenario: a slow line. Guarantees: an answer takes at least the latency of both ways.
#[tokio::test]
async fn adds_latency() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut client = connect(&proxy).await;
    proxy.set(Mode::Latency(Duration::from_millis(50))).await;
    let start = Instant::now();
    assert_echo(&mut client).await;
    assert!(
        start.elapsed() >= Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
}

/// Scenario: a narrow line. Guarantees: bytes take the time that the rate gives, and all arrive.
#[tokio::test]
async fn limits_bandwidth() {
    let proxy = Proxy::start(echo_server().await).await;
    let mut client = connect(&proxy).await;
    proxy.set(Mode::Bandwidth(20_000)).await;
    let start = Instant::now();
    client.write_all(&[7; 6_000]).await.expect("the kernel takes it");
    let mut received = vec![0; 6_000];
    timeout(PATIENCE, client.read_exact(&mut received))
        .await
        .expect("in time")
        .expect("all of it");
    assert!(
        start.elapsed() >= Duration::from_millis(250),
        "{:?}",
        start.elapsed()
    );
}

/// Scenario: a reply is cut in its middle, and a request on its way.
/// Guarantees: exactly so many bytes pass in the direction asked for; both sides then see an end; the next mode heals.
#[tokio::test]
async fn cuts_after_so_many_bytes() {
    for (direction, bytes) in [
        (Direction::ToClient, 5),
        (Direction::ToUpstream, 3),
        (Direction::ToClient, 0),
    ] {
        let proxy = Proxy::start(echo_server().await).await;
        let mut client = connect(&proxy).await;
        assert_echo(&mut client).await;

        proxy.set(Mode::CutAfter(direction, bytes)).await;
        client
            .write_all(b"0123456789")
            .await
            .expect("the kernel takes it");
        let mut received = Vec::new();
        // The end may be a reset: the proxy closes with bytes of ours unread.
        let _ = timeout(PATIENCE, client.read_to_end(&mut received))
            .await
            .expect("the connection ends");
        match direction {
            Direction::ToClient => assert_eq!(received, &b"0123456789"[..bytes]),
            Direction::ToUpstream => assert!(received.len() <= bytes, "{received:?}"),
        }
        proxy.wait_until_open(0).await;

        proxy.set(Mode::Pass).await;
        assert_echo(&mut connect(&proxy).await).await;
    }
}

/// Scenario: the peer comes back at another address, and then not at all.
/// Guarantees: new connections reach the new one; without a peer they end at once.
#[tokio::test]
async fn follows_the_upstream() {
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let proxy = Proxy::start(closed.local_addr().expect("it is bound")).await;
    let mut client = connect(&proxy).await;
    let end = timeout(PATIENCE, client.read_u8())
        .await
        .expect("it ends in time");
    end.expect_err("nobody is there");

    proxy.set_upstream(echo_server().await);
    assert_echo(&mut connect(&proxy).await).await;
}

/// Sends back whatever it gets, until the process ends.
async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                // A client that goes away is what these tests are about.
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address())
        .await
        .expect("the proxy listens")
}

async fn assert_echo(stream: &mut TcpStream) {
    stream.write_all(b"ping").await.expect("the connection is open");
    let mut reply = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut reply))
        .await
        .expect("an answer in time")
        .expect("an answer");
    assert_eq!(&reply, b"ping");
}
