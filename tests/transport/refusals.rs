//! Peers that answer a request for a WebSocket with something else.

use std::sync::{Arc, Mutex};

use hub2siem::emulator::event_hub::Options;
use hub2siem::eventhub::{Address, EndReason, StartPosition, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::scene::{NAMESPACE, detached, failed, findings};
use crate::support::{client, next, reader, settings, start};

/// Scenario: a web server, a gateway that wants a login, one in trouble, a WebSocket for something else, no HTTP at all, nothing.
/// Guarantees: what stays so until somebody acts is told apart from what passes, with what was answered; the request names
/// the namespace and not the address that was connected.
#[tokio::test]
async fn what_is_no_websocket_for_amqp_is_told() {
    let hub = start(Options::new("defender", 1)).await;
    for (answer, expected, text) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            EndReason::WebSocketRefused,
            "404 Not Found",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\n\r\n",
            EndReason::WebSocketRefused,
            "401 Unauthorized",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            EndReason::WebSocketRefused,
            "403 Forbidden",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n<html>",
            EndReason::WebSocketRefused,
            "200 OK",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            EndReason::ConnectFailed,
            "503 Service Unavailable",
        ),
        (
            "HTTP/1.1 429 Too Many Requests\r\n\r\n",
            EndReason::ConnectFailed,
            "429 Too Many Requests",
        ),
        (
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            EndReason::WebSocketRefused,
            "failed to open a WebSocket",
        ),
        ("", EndReason::ConnectFailed, "ended before an answer"),
    ] {
        let server = Server::start(answer).await;
        let mut settings = settings(&hub);
        settings.hub.namespace = NAMESPACE.into();
        settings.transport = Transport::WebSocket;
        settings.port = 80;
        settings.address = Address::parse(&server.address);
        let client = client(settings.clone());
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        let (reason, detail) = detached(&step);
        assert_eq!(reason, expected, "{answer}: {detail}");
        assert!(detail.contains(text), "{detail}");
        assert!(
            detail.contains("contoso.servicebus.windows.net/$servicebus/websocket"),
            "{detail}"
        );
        reader.close().await;

        let findings = findings(settings).await;
        assert_eq!(failed(&findings), "open a WebSocket", "{findings:?}");
        let request = server.requests.lock().expect("nothing panics")[0].to_lowercase();
        assert!(
            request.starts_with("get /$servicebus/websocket http/1.1\r\n"),
            "{request}"
        );
        for line in [
            "host: contoso.servicebus.windows.net\r\n",
            "sec-websocket-protocol: amqp\r\n",
        ] {
            assert!(request.contains(line), "{request}");
        }
    }
}

/// Gives everybody the same answer.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
    _accept: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let accept = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a listening socket accepts");
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..read]).into_owned();
                heard.lock().expect("nothing panics").push(text);
                // Whoever has gone away again does not want it.
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            address,
            requests,
            _accept: AbortOnDropHandle::new(accept),
        }
    }
}
