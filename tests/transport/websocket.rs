//! The hub read over WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fe2o3_amqp_ws::tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use fe2o3_amqp_ws::tokio_tungstenite::tungstenite::{Bytes, Message};
use fe2o3_amqp_ws::tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use futures_util::{SinkExt, StreamExt};
use hub2siem::emulator::event_hub::EventHubEmulator;
use hub2siem::eventhub::{EndReason, StartPosition, Step, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::scene::{NAMESPACE, detached, findings, hub_for};
use crate::support::{append, client, hub, next, numbers, read, reader, settings, within};

/// Scenario: a hub with a private CA, reached at an address of its own; all of its connections are cut in between.
/// Guarantees: every event comes once over a WebSocket, before and after.
#[tokio::test]
async fn reads_over_tls_with_a_private_ca() {
    let (hub, settings) = hub_for(NAMESPACE, Transport::WebSocket).await;
    append(&hub, 0, 500);
    let client = client(settings.clone());
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, _) = read(&mut reader, 500).await;
    assert_eq!(numbers(&events), (0..500).collect::<Vec<_>>());
    hub.faults().drop_connections();
    append(&hub, 0, 500);
    let (events, others) = read(&mut reader, 500).await;
    assert_eq!(numbers(&events), (500..1000).collect::<Vec<_>>());
    let ends: Vec<_> = others
        .iter()
        .filter(|step| matches!(step, Step::Detached { .. }))
        .collect();
    assert_eq!(ends.len(), 1, "{others:?}");
    assert_eq!(detached(ends[0]).0, EndReason::ConnectionLost);
    reader.close().await;

    let findings = findings(settings).await;
    let stages: Vec<_> = findings.iter().map(|finding| finding.stage.as_str()).collect();
    let expected = [
        "resolve the namespace",
        "connect",
        "agree on TLS",
        "open a WebSocket",
        "open AMQP",
    ];
    assert_eq!(stages[1..6], expected, "{findings:?}");
    assert!(
        findings.iter().all(|finding| finding.detail().is_some()),
        "{findings:?}"
    );
}

/// Scenario: the certificate is good for the address and not for the namespace; then it is from an unknown CA.
/// Guarantees: neither is accepted, and the cause is told before anything is said of WebSockets.
#[tokio::test]
async fn refuses_a_certificate_of_another_name_or_ca() {
    let (_other_name, by_address) = hub_for("127.0.0.1", Transport::WebSocket).await;
    let (_hub, mut unknown_ca) = hub_for(NAMESPACE, Transport::WebSocket).await;
    unknown_ca.tls = by_address.tls.clone();
    for settings in [by_address, unknown_ca] {
        let client = client(settings);
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        let (reason, detail) = detached(&step);
        assert_eq!(reason, EndReason::TlsFailed);
        assert!(detail.contains("certificate"), "{detail}");
        reader.close().await;
    }
}

/// Scenario: a gateway before the hub, which asks by pings whether we are there, and after a while says good-bye.
/// Guarantees: each ping is answered while nothing else is sent; the good-bye is a routine: a new connection, and no event lost.
#[tokio::test]
async fn pings_are_answered_and_a_close_is_routine() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let gateway = Gateway::start(&hub).await;
    let mut settings = settings(&hub);
    settings.transport = Transport::WebSocket;
    settings.port = gateway.address.port();
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 10).await;
    within(async {
        tokio::select! {
            step = reader.next(1) => panic!("nothing is there: {step:?}"),
            () = gateway.reached(|counts| counts.pongs.load(Ordering::SeqCst) >= 10) => {}
        }
    })
    .await;
    assert_eq!(gateway.counts.accepted.load(Ordering::SeqCst), 1);
    gateway.counts.closes.fetch_add(1, Ordering::SeqCst);
    let step = next(&mut reader, 1).await;
    assert_eq!(detached(&step).0, EndReason::ConnectionLost, "{step:?}");
    append(&hub, 0, 10);
    let (events, others) = read(&mut reader, 10).await;
    assert_eq!(numbers(&events), (10..20).collect::<Vec<_>>());
    assert!(
        !others.iter().any(|step| matches!(step, Step::Detached { .. })),
        "{others:?}"
    );
    assert_eq!(gateway.counts.accepted.load(Ordering::SeqCst), 2);
    reader.close().await;
}

/// A WebSocket server of its own before a hub without one.
struct Gateway {
    address: SocketAddr,
    counts: Arc<Counts>,
    _accept: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    pongs: AtomicU64,
    /// How often all connections have been closed.
    closes: AtomicU64,
}

impl Gateway {
    async fn start(hub: &EventHubEmulator) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (counts, upstream) = (Arc::new(Counts::default()), hub.address());
        let accept = tokio::spawn(accept(listener, upstream, Arc::clone(&counts)));
        Self {
            address,
            counts,
            _accept: AbortOnDropHandle::new(accept),
        }
    }

    async fn reached(&self, wanted: impl Fn(&Counts) -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !wanted(&self.counts) {
            ticks.tick().await;
        }
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, counts: Arc<Counts>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a listening socket accepts");
        let socket = accept_hdr_async(stream, as_the_service)
            .await
            .expect("it asks for a WebSocket");
        let upstream = TcpStream::connect(upstream).await.expect("the hub listens");
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(relay(socket, upstream, Arc::clone(&counts)));
    }
}

fn as_the_service(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), "/$servicebus/websocket");
    assert_eq!(request.headers()["sec-websocket-protocol"], "amqp");
    let headers = response.headers_mut();
    headers.insert(
        "sec-websocket-protocol",
        request.headers()["sec-websocket-protocol"].clone(),
    );
    Ok(response)
}

async fn relay(mut socket: WebSocketStream<TcpStream>, mut upstream: TcpStream, counts: Arc<Counts>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let closes = counts.closes.load(Ordering::SeqCst);
    let mut bytes = vec![0; 4096];
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => upstream.write_all(&bytes).await.expect("the hub reads"),
                Some(Ok(Message::Pong(text))) => {
                    assert_eq!(text, "there?");
                    counts.pongs.fetch_add(1, Ordering::SeqCst);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            read = upstream.read(&mut bytes) => {
                let read = read.expect("the hub is there");
                // In small pieces: a message need not be a frame.
                for piece in bytes[..read].chunks(100) {
                    let message = Message::Binary(Bytes::copy_from_slice(piece));
                    socket.send(message).await.expect("the reader is there");
                }
            }
            _ = ticks.tick() => {
                if counts.closes.load(Ordering::SeqCst) != closes {
                    socket.close(None).await.expect("the reader is there");
                    return;
                }
                socket.send(Message::Ping("there?".into())).await.expect("the reader is there");
            }
        }
    }
}
