//! A listener whose connections can be told to end within a reply or before it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::script::Fate;

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const LOST: u8 = 2;

/// Accepts connections that can be broken.
#[derive(Debug)]
pub struct Listener(pub TcpListener);

/// A connection that can be broken.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    breaker: Breaker,
}

/// Breaks one connection at its next write.
#[derive(Debug, Clone, Default)]
pub struct Breaker(Arc<AtomicU8>);

impl Breaker {
    /// Decides the fate of the next reply.
    pub fn set(&self, fate: Fate) {
        let fate = match fate {
            Fate::Whole => WHOLE,
            Fate::Cut => CUT,
            Fate::Lost => LOST,
        };
        self.0.store(fate, Ordering::Relaxed);
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // Out of descriptors or a connection gone before it was taken: the next one may be well.
            let Ok((stream, address)) = self.0.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let breaker = Breaker::default();
            return (Connection { stream, breaker }, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listener>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().breaker.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.breaker.0.load(Ordering::Relaxed) {
            WHOLE => Pin::new(&mut self.stream).poll_write(context, bytes),
            CUT => {
                // The last bytes of a reply are its body: leaving them out cuts within it.
                let kept = bytes.len().saturating_sub(8).max(1);
                let written = Pin::new(&mut self.stream).poll_write(context, &bytes[..kept]);
                if written.is_ready() {
                    self.breaker.0.store(LOST, Ordering::Relaxed);
                }
                written
            }
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
