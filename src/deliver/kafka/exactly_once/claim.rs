//! What a partition's reader and the worker that writes for it say to each other.

use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::position::StoredPosition;
use crate::acknowledge::InFlight;
use crate::event::PartitionId;

/// Requests that may wait for the worker; each partition has one at a time.
const MAX_WAITING_REQUESTS: usize = 64;

/// A reader's way to the worker of its target.
#[derive(Debug, Clone)]
pub struct Claims(mpsc::Sender<Request>);

/// Where the worker hears of them.
#[derive(Debug)]
pub struct Requests(pub(super) mpsc::Receiver<Request>);

/// What a reader wants.
#[derive(Debug)]
pub(super) enum Request {
    /// To write for a partition from the tracker's generation on; ends what anybody else was writing for it.
    Claim {
        partition: PartitionId,
        generation: u64,
        answer: oneshot::Sender<Claim>,
    },
    /// That the position of this tracker is kept also while no record of it comes.
    Read(Arc<InFlight>),
}

/// The right to write for a partition.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Up to where everything is in the cluster; `None` if nothing is known there.
    pub position: Option<StoredPosition>,
    lost: CancellationToken,
    cause: Arc<OnceLock<Lost>>,
}

/// Why a claim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Somebody else claimed the partition.
    Fenced,
    /// It is not known what became of the last transaction, or it took longer than the cluster lets one take.
    Unclear,
}

impl Lost {
    /// The word in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Lost::Fenced => "fenced",
            Lost::Unclear => "unclear",
        }
    }
}

impl Claims {
    /// A way to a worker, and its other end.
    pub fn channel() -> (Self, Requests) {
        let (sender, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
        (Self(sender), Requests(requests))
    }

    /// Claims a partition. Waits as long as the cluster cannot be asked, which its target's health says.
    ///
    /// Records of trackers with a `generation` below this one are let go unsettled. `None`: the worker is gone, because the
    /// bridge is ending.
    pub async fn claim(&self, partition: &PartitionId, generation: u64) -> Option<Claim> {
        let (answer, claim) = oneshot::channel();
        let request = Request::Claim {
            partition: partition.clone(),
            generation,
            answer,
        };
        self.0.send(request).await.ok()?;
        claim.await.ok()
    }

    /// Has the position of `tracker`, whose hub must be known, kept also while no record of it comes.
    pub async fn read(&self, tracker: Arc<InFlight>) {
        // An error says that the worker is gone, because the bridge is ending.
        let _ = self.0.send(Request::Read(tracker)).await;
    }
}

impl Claim {
    pub(super) fn new(position: Option<StoredPosition>) -> Self {
        Self {
            position,
            lost: CancellationToken::new(),
            cause: Arc::default(),
        }
    }

    /// A claim for readers whose position is not in a cluster: it is never lost.
    pub fn none() -> Self {
        Self::new(None)
    }

    /// Ends it.
    pub(super) fn end(&self, cause: Lost) {
        self.cause.get_or_init(|| cause);
        self.lost.cancel();
    }

    /// Why it has ended, if it has. What was read by it must not be counted on then.
    pub fn lost(&self) -> Option<Lost> {
        self.cause.get().copied()
    }

    /// Completes when it ends.
    pub async fn ended(&self) {
        self.lost.cancelled().await;
    }
}
