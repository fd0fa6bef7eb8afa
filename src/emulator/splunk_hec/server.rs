//! A running receiver, as a library.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{Breaker, Listener};
use super::envelope::Envelope;
use super::index::{Index, Statistics};
use super::script::Script;
use super::service::{self, Service};

/// What a receiver is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The token it takes.
    pub token: String,
    /// Whether the token acknowledges.
    pub has_acknowledgement: bool,
    /// File that gets one acknowledged envelope a line; appended to.
    pub output: Option<PathBuf>,
    /// Whether every envelope taken is kept, for [`SplunkHecEmulator::envelopes`]; a test's choice, it takes memory.
    pub keeps_envelopes: bool,
}

/// A receiver that runs until it is shut down or dropped.
#[derive(Debug)]
pub struct SplunkHecEmulator {
    address: SocketAddr,
    service: Arc<Service>,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl Options {
    /// A receiver with acknowledgement on a free local port.
    pub fn local(token: &str) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: token.to_owned(),
            has_acknowledgement: true,
            output: None,
            keeps_envelopes: false,
        }
    }
}

impl SplunkHecEmulator {
    /// Listens. Errors: the address is taken, or the output file cannot be opened.
    pub async fn start(options: Options) -> io::Result<Self> {
        let output = options
            .output
            .map(|path| std::fs::File::options().append(true).create(true).open(path));
        let service = Arc::new(Service {
            has_acknowledgement: options.has_acknowledgement,
            token: Mutex::new(options.token),
            index: Mutex::new(Index::new(output.transpose()?, options.keeps_envelopes)),
            script: Mutex::default(),
        });
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let router = service::router(Arc::clone(&service));
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(
            axum::serve(
                Listener(listener),
                router.into_make_service_with_connect_info::<Breaker>(),
            )
            .with_graceful_shutdown(stopped)
            .into_future(),
        );
        Ok(Self {
            address,
            service,
            stop,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a target's endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Acknowledged envelopes from now on, in bounded number: who reads slowly slows the receiver down.
    pub fn events(&self, capacity: usize) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(capacity);
        self.service.index().subscriber = Some(sender);
        receiver
    }

    /// Counters since the start.
    pub fn statistics(&self) -> Statistics {
        self.service.index().statistics
    }

    /// Every envelope taken so far, in order; empty unless [`Options::keeps_envelopes`].
    pub fn envelopes(&self) -> Vec<Envelope> {
        self.service.index().kept.clone().unwrap_or_default()
    }

    /// What it does instead of the usual; changes hold from the next request on.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.service.script()
    }

    /// Another token is valid from now on.
    pub fn set_token(&self, token: &str) {
        *self.service.token.lock().expect("no holder of this lock panics") = token.to_owned();
    }

    /// Forgets every channel, as a restarted node does.
    pub fn forget_channels(&self) {
        self.service.index().forget_channels();
    }

    /// Finishes the requests under way and stops listening.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.stop.cancel();
        (&mut self.server).await.map_err(io::Error::other)?
    }
}

impl Drop for SplunkHecEmulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
