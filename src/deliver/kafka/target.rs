//! The target at work: the loop that takes records in, hands them over and hears their ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rdkafka::error::KafkaResult;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::inbox::{Arrived, Inbox};
use super::lane::Lane;
use super::producer::Producer;
use super::settings::Settings;
use crate::deliver::Context;
use crate::deliver::blocked::Blocks;
use crate::durable::retry::Retry;
use crate::event::Rendered;

/// Most records taken from the queue at once.
const MAX_INTAKE_RECORDS: usize = 256;

/// Records that may wait for room in the client library before no more are taken in.
const MAX_WAITING_RECORDS: usize = 1024;

/// Brings records to the topics until the queue has ended and each is settled, or until `context.abandon`.
///
/// Records that are not settled at an abandon are dropped: they are sent again after the next start.
pub async fn run(settings: Settings, mut records: mpsc::Receiver<Rendered>, context: Context) {
    let abandon = context.abandon.clone();
    if !settings.verify {
        context.warn_unverified();
    }
    let mut target = Target::new(settings, context);
    let inbox = Arc::clone(&target.inbox);
    let mut intake = Vec::new();
    loop {
        let now = Instant::now();
        target.act(now);
        if target.is_done() {
            break;
        }
        let room = target.room();
        let wake = target.wake(now);
        tokio::select! {
            biased;
            () = abandon.cancelled() => break,
            () = inbox.heard() => target.hear(Instant::now()),
            Some(end) = target.operations.next(), if !target.operations.is_empty() => target.finish(end, Instant::now()),
            taken = records.recv_many(&mut intake, room), if room > 0 => {
                target.is_ended = taken == 0;
                target.take_in(&mut intake);
            }
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
        }
    }
    let Target {
        producer, operations, ..
    } = target;
    // The threads of a producer, also of one that is just being started, take a moment to end. Nobody has to wait for them.
    tokio::task::spawn_blocking(move || drop((producer, operations)));
}

/// A target at work.
pub(super) struct Target {
    pub(super) settings: Settings,
    pub(super) context: Context,
    pub(super) inbox: Arc<Inbox>,
    /// Room for what the inbox is emptied into.
    pub(super) arrived: Arrived,
    /// `None` while one is started or ended.
    pub(super) producer: Option<Producer>,
    /// When to start a producer.
    pub(super) start_at: Option<Instant>,
    /// Producers that broke in a row.
    pub(super) rebuilds: Retry,
    /// One for each topic, in the order of `settings.topics`.
    pub(super) lanes: Vec<Lane>,
    pub(super) blocks: Blocks,
    pub(super) operations: FuturesUnordered<BoxFuture<'static, End>>,
    /// Records on their way to the dead letters.
    pub(super) rejecting: usize,
    /// Until when to wait for a report, because the client library had no room. Room is given back a moment after the last
    /// report of a batch, which nothing tells.
    pub(super) full_until: Option<Instant>,
    /// Whether what waits for company in the client library is being sent on.
    pub(super) is_flushing: bool,
    /// Blocked topics that the brokers are being asked about, or were: the next record is a try. One bit each.
    pub(super) looking: u16,
    pub(super) looked: u16,
    /// How often the settings were read anew with another result.
    pub(super) edition: u64,
    /// Connections that were refused in a row.
    pub(super) troubles: u32,
    /// Whether a connection was up when the client library last told.
    pub(super) is_connected: bool,
    /// Whether no broker could be reached when that was last told.
    pub(super) is_down: bool,
    is_ended: bool,
}

/// How something that was started ended.
pub(super) enum End {
    /// A producer was started with the settings of this edition, or could not be.
    Started(u64, KafkaResult<Producer>),
    /// One of no use is gone; the next one waits this long.
    Dismantled(Duration),
    /// What the settings were read from was read anew, and gave others.
    ReadAnew(Option<Box<Settings>>),
    /// The brokers were asked about the topic of the lane with this number.
    Looked(usize),
    /// What waited for company was sent, or time was up.
    Flushed,
    /// A refused record is in the dead letters.
    Rejected,
}

impl Target {
    fn new(settings: Settings, context: Context) -> Self {
        let lanes = settings.topics.names().iter().cloned().map(Lane::new);
        Self {
            lanes: lanes.collect(),
            inbox: Arc::default(),
            arrived: Arrived::default(),
            producer: None,
            start_at: Some(Instant::now()),
            rebuilds: Retry::default(),
            blocks: Blocks::new(settings.try_interval),
            operations: FuturesUnordered::new(),
            rejecting: 0,
            full_until: None,
            is_flushing: false,
            looking: 0,
            looked: 0,
            edition: 0,
            troubles: 0,
            is_connected: false,
            is_down: false,
            is_ended: false,
            settings,
            context,
        }
    }

    /// Whether nothing is left to do.
    fn is_done(&self) -> bool {
        let mut lanes = self.lanes.iter();
        self.is_ended && self.rejecting == 0 && lanes.all(|lane| lane.waiting() + lane.sent() == 0)
    }

    /// Starts whatever can be started now.
    fn act(&mut self, now: Instant) {
        self.start_producer(now);
        for lane in 0..self.lanes.len() {
            self.send_lane(lane, now);
        }
        self.read_anew(now);
        if self.is_ended {
            self.flush();
        }
    }

    /// How many records may be taken in: none while many wait. Those of a blocked topic do not count, so that the records
    /// of others pass them.
    fn room(&self) -> usize {
        let blocked = self.blocks.indexes();
        let lanes = self.lanes.iter().enumerate();
        let open = lanes.filter(|(number, _)| blocked & (1 << number) == 0);
        let waiting: usize = open.map(|(_, lane)| lane.waiting()).sum();
        match self.is_ended || waiting >= MAX_WAITING_RECORDS {
            true => 0,
            false => MAX_INTAKE_RECORDS,
        }
    }

    fn take_in(&mut self, records: &mut Vec<Rendered>) {
        for record in records.drain(..) {
            let lane = self.settings.topics.number(record.about.kind);
            self.lanes[lane].push(record);
        }
    }

    /// When to look again although nothing happened.
    fn wake(&self, now: Instant) -> Option<Instant> {
        let lanes = self.lanes.iter().filter(|lane| lane.waiting() > 0);
        let pauses = lanes.filter_map(|lane| lane.paused_until);
        pauses
            .chain(self.start_at)
            .chain(self.full_until)
            .chain(self.blocks.wakes())
            .filter(|moment| *moment > now)
            .min()
    }
}
