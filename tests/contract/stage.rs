//! One target's workers with everything around them, and the account of what became of each record.
//!
//! Each record is an event of its own with a tracker of its own, so that it can be told which one settled.

use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hub2siem::acknowledge::{InFlight, Window};
use hub2siem::deliver::{Context, DeadLetter, DeadLetters};
use hub2siem::event::rendered::{About, Original};
use hub2siem::event::{
    Details, Event, EventId, Hub, Kind, Offset, PartitionId, RejectReason, Rendered, SequenceNumber,
    Timestamp,
};
use hub2siem::telemetry::Metrics;
use hub2siem::telemetry::health::TargetHealth;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Name of the target, and so its metric label.
pub const TARGET: &str = "soc";

/// No test needs longer; a target that never ends fails it here.
const PATIENCE: Duration = Duration::from_secs(120);

/// Records that may wait for the target.
const QUEUE_RECORDS: usize = 64;

/// When record 0 came to the hub; every further one a millisecond later.
const FIRST_ENQUEUED_MILLIS: i64 = 1_722_937_225_045;

/// A target at work.
pub struct Stage {
    pub window: Arc<Window>,
    pub metrics: Arc<Metrics>,
    pub health: Arc<TargetHealth>,
    /// Ends the grace period.
    pub abandon: CancellationToken,
    hub: Hub,
    letters: Arc<Mutex<Vec<DeadLetter>>>,
    trackers: Vec<Arc<InFlight>>,
    records: Option<mpsc::Sender<Rendered>>,
    /// `None` once they returned.
    workers: Option<JoinHandle<()>>,
}

/// What became of the records, by their numbers in rising order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Settled, and not in the dead letters.
    pub delivered: Vec<i64>,
    /// Settled, and in the dead letters.
    pub dead: Vec<(i64, RejectReason)>,
    /// Not settled: they are sent again after a restart.
    pub unsettled: Vec<i64>,
}

impl Stage {
    /// Starts the workers that `run` is.
    pub fn start<F>(run: impl FnOnce(mpsc::Receiver<Rendered>, Context) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let metrics = Arc::new(Metrics::new());
        let health = Arc::new(TargetHealth::new(TARGET, &metrics));
        let hub = Hub {
            namespace: "contoso.servicebus.windows.net".into(),
            name: "defender".into(),
        };
        let letters: Arc<Mutex<Vec<DeadLetter>>> = Arc::default();
        let abandon = CancellationToken::new();
        let context = Context {
            target: TARGET.into(),
            hub: hub.clone(),
            consumer_group: "$Default".into(),
            dead_letters: keep(&letters),
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            abandon: abandon.clone(),
        };
        let (records, queue) = mpsc::channel(QUEUE_RECORDS);
        Self {
            window: Window::new(50_000, 24 << 20),
            metrics,
            health,
            abandon,
            hub,
            letters,
            trackers: Vec::new(),
            records: Some(records),
            workers: Some(tokio::spawn(run(queue, context))),
        }
    }

    /// Sends `count` recommendations, numbered on.
    pub async fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.send_one(Kind::Assessment, "").await;
        }
    }

    /// Sends one record with `text` in it.
    pub async fn send_one(&mut self, kind: Kind, text: &str) {
        let number = self.trackers.len();
        let bytes = format!("{{\"number\":{number},\"text\":{text:?}}}");
        self.send_bytes(kind, bytes.into(), None).await;
    }

    /// Sends one record in its rendered form, with what a target that asks for details is given.
    pub async fn send_bytes(&mut self, kind: Kind, bytes: Bytes, details: Option<Details>) {
        let number = self.sent() as i64;
        let body = Bytes::from(format!("{{\"number\":{number},\"original\":true}}"));
        let event = Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(number),
            offset: Offset::new(format!("{}", number * 100)),
            enqueued_time: enqueued_time(number),
            body: body.clone(),
            last_enqueued: None,
        };
        let tracker = InFlight::new(PartitionId::new("0"), 0, Arc::clone(&self.window));
        tracker.set_hub_created_at(enqueued_time(0));
        let in_flight = tracker.begin(&event);
        let record = Rendered {
            about: About {
                kind,
                index: 0,
                event_id: self.event_id(number),
                key: Some(format!("/subscriptions/{number}/\"quoted\"").into()),
                time: Timestamp::from_millis(1_600_000_000_000),
                is_snapshot: false,
                mapping_revision: None,
                details: details.map(Box::new),
            },
            original: Some(Original {
                held: Arc::new(self.window.hold(body.len())),
                bytes: body,
            }),
            held: self.window.hold(bytes.len()),
            ticket: in_flight.ticket(),
            bytes,
        };
        in_flight.close();
        self.trackers.push(tracker);
        let in_flight = &self.metrics.deliver_in_flight_records;
        in_flight.with_label_values(&[TARGET]).inc();
        let records = self.records.as_ref().expect("the queue is open");
        records.send(record).await.expect("the target is at work");
    }

    /// The id of record `number`; the same in every run, as after a restart of the bridge.
    pub fn event_id(&self, number: i64) -> EventId {
        let partition = PartitionId::new("0");
        EventId::new(
            &self.hub,
            &partition,
            SequenceNumber(number),
            enqueued_time(number),
            0,
        )
    }

    /// Waits until `is_reached`.
    pub async fn until(&self, what: &str, is_reached: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_reached(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{what} did not happen; retries: {}", self.retries());
        }
    }

    /// Records sent.
    pub fn sent(&self) -> usize {
        self.trackers.len()
    }

    /// Records that settled.
    pub fn settled(&self) -> usize {
        let trackers = self.trackers.iter();
        trackers.filter(|tracker| tracker.is_empty()).count()
    }

    /// Tries repeated for `reason`.
    pub fn retried(&self, reason: &str) -> u64 {
        let retries = &self.metrics.deliver_retries_total;
        retries.with_label_values(&[TARGET, reason]).get()
    }

    fn retries(&self) -> String {
        use prometheus::core::Collector;
        format!("{:?}", self.metrics.deliver_retries_total.collect())
    }

    /// The dead letters so far.
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.letters.lock().expect("it is not poisoned").clone()
    }

    /// Waits for the workers to return by themselves, as they do when they are abandoned.
    pub async fn ended(&mut self) {
        let Some(workers) = self.workers.take() else {
            return;
        };
        let Ok(ended) = tokio::time::timeout(PATIENCE, workers).await else {
            panic!(
                "the target did not end; settled {} of {}, retries: {}",
                self.settled(),
                self.sent(),
                self.retries()
            );
        };
        ended.expect("the target does not panic");
    }

    /// Ends the queue as a normal stop does, waits for the workers, and checks what holds for every target: what is
    /// settled is counted as such, and nothing stays booked. Gives back what became of each record.
    pub async fn close(mut self) -> Account {
        self.records = None;
        self.ended().await;
        let account = self.account();
        assert_eq!(self.window.bytes(), 0, "nothing stays booked");
        let metrics = &self.metrics;
        let counted = |outcome| {
            metrics
                .deliver_records_total
                .with_label_values(&[TARGET, outcome])
                .get()
        };
        assert_eq!(counted("delivered"), account.delivered.len() as u64, "delivered");
        assert_eq!(counted("rejected"), account.dead.len() as u64, "rejected");
        let in_flight = metrics.deliver_in_flight_records.with_label_values(&[TARGET]);
        assert_eq!(in_flight.get(), account.unsettled.len() as i64, "in flight");
        account
    }

    /// What became of each record so far.
    pub fn account(&self) -> Account {
        let letters = self.letters();
        let mut account = Account::default();
        for (tracker, number) in self.trackers.iter().zip(0..) {
            let id = self.event_id(number);
            let reasons: Vec<_> = letters
                .iter()
                .filter(|letter| letter.event_id == Some(id))
                .map(|letter| letter.reason)
                .collect();
            assert!(
                reasons.len() <= 1,
                "record {number} has one dead letter: {reasons:?}"
            );
            match reasons.first() {
                _ if !tracker.is_empty() => account.unsettled.push(number),
                Some(reason) => account.dead.push((number, *reason)),
                None => account.delivered.push(number),
            }
        }
        account
    }
}

/// Dead letters that are kept in `letters` and said to be on disk.
fn keep(letters: &Arc<Mutex<Vec<DeadLetter>>>) -> DeadLetters {
    let (dead_letters, mut requests) = DeadLetters::channel();
    let letters = Arc::clone(letters);
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            letters
                .lock()
                .expect("it is not poisoned")
                .extend(request.letters);
            // A target that was abandoned does not wait for the answer.
            let _ = request.written.send(());
        }
    });
    dead_letters
}

fn enqueued_time(number: i64) -> Timestamp {
    Timestamp::from_millis(FIRST_ENQUEUED_MILLIS + number)
}
