//! Receivers that speak the documented protocols of HTTP targets strictly, faults included.
//!
//! [`Peer`] is the server; what it does with a request is a [`Receiver`]: [`Hook`] for `http`, [`Cluster`] for
//! `elasticsearch`, [`Ingestion`] for `azure_monitor`.

mod cluster;
mod hook;
mod ingestion;

use std::collections::VecDeque;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub use cluster::Cluster;
pub use hook::Hook;
pub use ingestion::Ingestion;

/// A request as a receiver sees it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The body, no longer compressed.
    pub body: Bytes,
    pub is_gzip: bool,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub content_type: &'static str,
    pub body: String,
}

/// One thing that goes wrong, for one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done.
    Instead(Answer),
    /// The request is dealt with, and the sender does not learn it.
    Hidden(Answer),
}

/// What a server does with its requests.
pub trait Receiver: Send + 'static {
    fn receive(&mut self, request: &Taken) -> Answer;
}

/// A running server; ends when dropped.
pub struct Peer<R> {
    address: SocketAddr,
    shared: Arc<Shared<R>>,
    _server: AbortOnDropHandle<()>,
}

struct Shared<R> {
    receiver: Mutex<R>,
    faults: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<Taken>>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            content_type: "text/plain",
            body: String::new(),
        }
    }

    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self {
            content_type: "application/json",
            body: value.to_string(),
            ..Self::status(status)
        }
    }

    /// What a proxy says.
    pub fn page(status: u16) -> Self {
        Self {
            content_type: "text/html",
            body: "<html><body>gateway</body></html>".to_owned(),
            ..Self::status(status)
        }
    }
}

impl<R: Receiver> Peer<R> {
    pub async fn start(receiver: R) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("this machine has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            receiver: Mutex::new(receiver),
            faults: Mutex::default(),
            requests: Mutex::default(),
        });
        let router = Router::new()
            .fallback(serve::<R>)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server runs on");
        });
        Self {
            address,
            shared,
            _server: AbortOnDropHandle::new(server),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was taken, and what is done with the next request.
    pub fn receiver(&self) -> MutexGuard<'_, R> {
        self.shared.receiver.lock().expect("it is not poisoned")
    }

    /// What goes wrong with the next requests, in order.
    pub fn then(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut queue = self.shared.faults.lock().expect("it is not poisoned");
        queue.extend(faults);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Taken> {
        self.shared.requests.lock().expect("it is not poisoned").clone()
    }
}

async fn serve<R: Receiver>(State(shared): State<Arc<Shared<R>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let is_gzip = parts
        .headers
        .get("content-encoding")
        .is_some_and(|value| value == "gzip");
    let body = match is_gzip {
        true => {
            let mut plain = Vec::new();
            let opened = GzDecoder::new(&body[..]).read_to_end(&mut plain);
            opened.expect("what says it is gzip is gzip");
            Bytes::from(plain)
        }
        false => body,
    };
    let taken = Taken {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
        is_gzip,
    };
    let fault = shared.faults.lock().expect("it is not poisoned").pop_front();
    let receive = || {
        shared
            .receiver
            .lock()
            .expect("it is not poisoned")
            .receive(&taken)
    };
    let answer = match fault {
        None => receive(),
        Some(Fault::Instead(answer)) => answer,
        Some(Fault::Hidden(answer)) => {
            receive();
            answer
        }
    };
    shared.requests.lock().expect("it is not poisoned").push(taken);
    reply(answer)
}

fn reply(answer: Answer) -> Response {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.content_type);
    if let Some(seconds) = answer.retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Body::from(answer.body)).expect("it is a response")
}
