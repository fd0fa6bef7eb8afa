//! A connection to a receiver that is not supposed to say anything.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::either::Either;

use crate::deliver::stream::{self, Address, Stream, Tls, refusal};

/// Room for what a receiver says; one byte is enough to know that it speaks another protocol.
const READ_BYTES: usize = 64;

/// Bytes that may wait here for room at the receiver before a write waits too: none beyond what one write leaves over.
/// Megabytes would wait otherwise, and would be gone with the connection when the system gives up a receiver that stood
/// still.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 1;

/// A connection by TCP or TLS.
pub struct Connection {
    stream: Stream,
}

/// How a connection ended, or what ends it.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The receiver closed it.
    #[error("the receiver closed the connection")]
    Closed,
    /// The receiver said something, which no receiver of syslog does.
    #[error("the receiver answered, so it speaks another protocol")]
    Spoke,
    /// It broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The receiver refused us after TLS was agreed on.
    #[error("the receiver refused the connection: {detail}")]
    Refused {
        /// Its words.
        detail: String,
    },
}

impl Connection {
    /// Connects, and agrees on TLS if that is given.
    pub async fn open(address: &Address, tls: Option<&Tls>) -> Result<Self, stream::Error> {
        let stream = stream::connect(address, tls).await?;
        let connection = Self { stream };
        #[cfg(target_os = "linux")]
        SockRef::from(connection.tcp())
            .set_tcp_notsent_lowat(MAX_UNSENT_BYTES)
            .map_err(|error| stream::Error::Connect {
                detail: format!("{address}: {error}"),
            })?;
        Ok(connection)
    }

    /// Writes all of `bytes` as the receiver has room for them. It ends at once when the connection does.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut rest = bytes;
        poll_fn(|context| {
            if let Poll::Ready(end) = self.poll_end(context) {
                return Poll::Ready(Err(end));
            }
            while !rest.is_empty() {
                match ready!(Pin::new(&mut self.stream).poll_write(context, rest)) {
                    Ok(0) => return Poll::Ready(Err(End::Closed)),
                    Ok(count) => rest = &rest[count..],
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
            Pin::new(&mut self.stream).poll_flush(context).map_err(End::from)
        })
        .await
    }

    /// Waits for the end of the connection. May be dropped and called again.
    pub async fn ended(&mut self) -> End {
        poll_fn(|context| self.poll_end(context)).await
    }

    /// Whether nothing came from the receiver: no word, no end, no error. Asks the system itself, because the runtime may
    /// not have looked since.
    pub fn is_quiet(&self) -> bool {
        let found = SockRef::from(self.tcp()).peek(&mut [MaybeUninit::uninit()]);
        found.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether everything that was written has left this machine: the receiver's system had room for it. Only Linux tells;
    /// elsewhere it is so until all buffers are full. After [`Connection::half_close`] it says nothing.
    pub fn is_sent(&self) -> bool {
        let mut sockets = [PollFd::new(self.tcp(), PollFlags::OUT)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut sockets, Some(&at_once)).is_ok() && sockets[0].revents().contains(PollFlags::OUT)
    }

    /// Says that nothing follows; what was written still arrives, and the receiver may answer by closing too.
    pub async fn half_close(&mut self) -> Result<(), End> {
        poll_fn(|context| {
            Pin::new(&mut self.stream)
                .poll_shutdown(context)
                .map_err(End::from)
        })
        .await
    }

    /// Whether the receiver's system refused something since: what was sent to a program that had closed.
    pub fn error(&self) -> Option<End> {
        match SockRef::from(self.tcp()).take_error() {
            Ok(None) => None,
            Ok(Some(error)) | Err(error) => Some(End::Broken(error)),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Either::Left(tcp) => tcp,
            Either::Right(tls) => tls.get_ref().0,
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<End> {
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        let end = match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => End::Closed,
            Ok(()) => End::Spoke,
            // The end of TCP without the end of TLS before it: many programs close so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Closed,
            Err(error) => error.into(),
        };
        Poll::Ready(end)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match refusal(&error) {
            Some(detail) => End::Refused { detail },
            None => End::Broken(error),
        }
    }
}
