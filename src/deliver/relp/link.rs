//! Bytes between a session and its stream.

use std::io;

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::Instant;

use super::session::{self, Event, Session};
use crate::deliver::stream::{Stream, refusal};

/// Room for what one read brings; answers have some 15 bytes.
const READ_BYTES: usize = 16 * 1024;

/// A stream with what waits on both sides of it.
#[derive(Debug)]
pub struct Link {
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    input: Vec<u8>,
    /// Frames to be sent; a session adds to it.
    pub output: Vec<u8>,
    written: usize,
    is_flushed: bool,
}

/// The session ended otherwise than by our `close`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The receiver ended the connection.
    #[error("the receiver closed the connection")]
    Ended,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The receiver does not trust our certificate, or breaks TLS.
    #[error("TLS ended the connection: {detail}")]
    Tls {
        /// What rustls objected to.
        detail: String,
    },
    /// The receiver does not keep to the protocol.
    #[error(transparent)]
    Session(#[from] session::Error),
}

impl Link {
    /// A link over a new connection.
    pub fn new(stream: Stream) -> Self {
        let (reader, writer) = split(stream);
        Self {
            reader,
            writer,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            is_flushed: true,
        }
    }

    /// Bytes of frames that the connection has not taken yet.
    pub fn waiting_bytes(&self) -> usize {
        self.output.len() - self.written
    }

    /// Writes what is there until something was read, or all is written. Nothing is lost if the future is dropped.
    pub async fn exchange(&mut self) -> Result<(), Error> {
        loop {
            let has_output = self.written < self.output.len();
            tokio::select! {
                biased;
                read = read(&mut self.reader, &mut self.input) => return match read {
                    Ok(0) => Err(Error::Ended),
                    Ok(_) => Ok(()),
                    Err(error) => Err(error.into()),
                },
                written = write(&mut self.writer, &self.output[self.written..]), if has_output || !self.is_flushed => {
                    self.written += written?;
                    self.is_flushed = !has_output;
                    if has_output && self.written == self.output.len() {
                        self.output.clear();
                        self.written = 0;
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Adds to `events` what `session` makes of everything that was read, up to the end of the last whole frame; what
    /// was said before an error is among them.
    pub fn events<M>(&mut self, session: &mut Session<M>, events: &mut Vec<Event<M>>) -> Result<(), Error> {
        let mut start = 0;
        let now = Instant::now();
        let result = loop {
            match session.receive(&self.input[start..], now) {
                Ok(Some((event, taken))) => {
                    events.push(event);
                    start += taken;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            }
        };
        self.input.drain(..start);
        result
    }

    /// Ends the connection after everything was said; how the receiver takes that no longer matters.
    pub async fn shut_down(mut self) {
        let _ = self.writer.shutdown().await;
    }
}

/// Writes some of `output`, or flushes what TLS still holds of what was written before, if there is nothing.
async fn write(writer: &mut WriteHalf<Stream>, output: &[u8]) -> io::Result<usize> {
    match output.is_empty() {
        true => writer.flush().await.map(|()| 0),
        false => writer.write(output).await,
    }
}

/// Adds what comes to `input`, no more than [`READ_BYTES`].
async fn read(reader: &mut ReadHalf<Stream>, input: &mut Vec<u8>) -> io::Result<usize> {
    input.reserve(READ_BYTES);
    reader.read_buf(&mut input.limit(READ_BYTES)).await
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match refusal(&error) {
            Some(detail) => Self::Tls { detail },
            None => Self::Broken(error),
        }
    }
}
