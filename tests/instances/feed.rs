//! The hub of a fleet, in the process of the test, and what it gets: numbered items at a steady rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hub2siem::emulator::event_hub::{Body, EventHubEmulator, Options};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::fleet::PARTITIONS;

/// Between two portions.
const STEP: Duration = Duration::from_millis(20);

/// A hub that grows until it is told to stop.
pub struct Feed {
    pub hub: Arc<EventHubEmulator>,
    /// Items appended so far, in every life of the hub.
    appended: Arc<AtomicU64>,
    /// Items appended before the hub was made anew.
    before: u64,
    rate: u64,
    /// What appends, and how it is told to stop.
    task: Option<(JoinHandle<()>, CancellationToken)>,
}

impl Feed {
    /// A hub that gets `rate` items a second.
    pub fn start(runtime: &Runtime, rate: u64) -> Self {
        let partitions = u32::try_from(PARTITIONS).expect("they are few");
        let hub = runtime.block_on(EventHubEmulator::start(Options::new("defender", partitions)));
        let mut feed = Self {
            hub: Arc::new(hub.expect("this machine has a free port")),
            appended: Arc::default(),
            before: 0,
            rate,
            task: None,
        };
        feed.resume(runtime);
        feed
    }

    /// Items appended so far.
    pub fn appended(&self) -> u64 {
        self.appended.load(Ordering::SeqCst)
    }

    /// The last sequence number of each partition, once nothing more is appended.
    pub fn last(&self) -> i64 {
        let events = (self.appended() - self.before) / PARTITIONS as u64;
        i64::try_from(events).expect("they are few") - 1
    }

    /// Appends nothing more; every partition has as many then.
    pub fn pause(&mut self, runtime: &Runtime) {
        if let Some((task, stop)) = self.task.take() {
            stop.cancel();
            runtime.block_on(task).expect("appending does not fail");
        }
    }

    /// Goes on appending.
    pub fn resume(&mut self, runtime: &Runtime) {
        let stop = CancellationToken::new();
        let (hub, appended) = (Arc::clone(&self.hub), Arc::clone(&self.appended));
        let task = runtime.spawn(append(hub, appended, self.rate, stop.clone()));
        self.task = Some((task, stop));
    }

    /// Deletes the hub and makes it anew; numbers of items go on, those of events begin at 0. Only while it is paused.
    pub fn recreate(&mut self) {
        assert!(self.task.is_none(), "nothing is appended meanwhile");
        self.before = self.appended();
        self.hub.recreate_hub();
    }
}

/// Appends items in rounds over all partitions, `rate` of them a second.
async fn append(hub: Arc<EventHubEmulator>, appended: Arc<AtomicU64>, rate: u64, stop: CancellationToken) {
    let (start, first) = (tokio::time::Instant::now(), appended.load(Ordering::SeqCst));
    let mut step = tokio::time::interval(STEP);
    step.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let round = PARTITIONS as u64;
    while !stop.is_cancelled() {
        step.tick().await;
        let due = first + (start.elapsed().as_secs_f64() * rate as f64) as u64 / round * round;
        for number in appended.load(Ordering::SeqCst)..due {
            hub.append((number % round) as u32, item(number));
            appended.store(number + 1, Ordering::SeqCst);
        }
    }
}

fn item(number: u64) -> Body {
    let item = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/item-NUMBER/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","name":"3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed","status":{"code":"Unhealthy"}}}"#;
    Body::Data(item.replace("NUMBER", &number.to_string()).into())
}
