//! The way to the one writer of dead letters: a bounded queue whose answer means "on disk".

use tokio::sync::{mpsc, oneshot};

use super::DeadLetter;

/// Requests that may wait for the writer; each writer call takes all of them with one fsync.
const MAX_WAITING_REQUESTS: usize = 64;

/// Handle to the writer; cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    requests: mpsc::Sender<Request>,
}

/// Letters to write, and whom to tell when they are on disk.
#[derive(Debug)]
pub struct Request {
    /// The letters, in order.
    pub letters: Vec<DeadLetter>,
    /// Told once all of them are durable; dropped without a word if the process ends before.
    pub written: oneshot::Sender<()>,
}

/// The writer is gone: the process is ending, and nothing was promised.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the dead letters are closed")]
pub struct Closed;

impl DeadLetters {
    /// A handle, and the requests its writer must serve.
    pub fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(MAX_WAITING_REQUESTS);
        (Self { requests }, receiver)
    }

    /// Completes when every letter is on disk. Waits as long as that takes: a full or broken disk stops intake.
    pub async fn write(&self, letters: Vec<DeadLetter>) -> Result<(), Closed> {
        let (written, answer) = oneshot::channel();
        self.requests
            .send(Request { letters, written })
            .await
            .map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }
}
