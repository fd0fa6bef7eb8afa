//! A target between a tracker of events and a receiver, and the account of what became of each record.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hub2siem::acknowledge::{InFlight, Window};
use hub2siem::deliver::splunk_hec::{self, Settings, SplunkHec};
use hub2siem::deliver::{Context, DeadLetter, DeadLetters};
use hub2siem::emulator::splunk_hec::{Options, SplunkHecEmulator};
use hub2siem::event::rendered::{About, Original};
use hub2siem::event::{Event, EventId, Hub, Kind, Offset, PartitionId, Rendered, SequenceNumber, Timestamp};
use hub2siem::telemetry::Metrics;
use hub2siem::telemetry::health::TargetHealth;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

/// No test needs longer; a target that never ends fails it here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A target at work.
pub struct Bench {
    pub window: Arc<Window>,
    pub metrics: Arc<Metrics>,
    pub health: Arc<TargetHealth>,
    pub letters: Arc<Mutex<Vec<DeadLetter>>>,
    pub abandon: CancellationToken,
    /// Where the target hears of new settings.
    pub settings: watch::Sender<Settings>,
    hub: Hub,
    in_flight: Arc<InFlight>,
    records: Option<mpsc::Sender<Rendered>>,
    sent: i64,
    target: JoinHandle<()>,
}

/// A receiver that keeps what it takes.
pub async fn receiver() -> SplunkHecEmulator {
    SplunkHecEmulator::start(Options {
        keeps_envelopes: true,
        ..Options::local(TOKEN)
    })
    .await
    .expect("a local port can be had")
}

/// The same without acknowledgement.
pub async fn receiver_without_acknowledgement() -> SplunkHecEmulator {
    SplunkHecEmulator::start(Options {
        keeps_envelopes: true,
        has_acknowledgement: false,
        ..Options::local(TOKEN)
    })
    .await
    .expect("a local port can be had")
}

/// A token that no receiver knows until it is told.
pub const OTHER_TOKEN: &str = "22222222-3333-4444-5555-666666666666";

/// The options of a target; `lines` are added.
pub fn settings(endpoints: &[String], lines: &str) -> Settings {
    settings_with(TOKEN, endpoints, lines)
}

/// The same with another token.
pub fn settings_with(secret: &str, endpoints: &[String], lines: &str) -> Settings {
    let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(token.path(), secret).expect("it can be written");
    let yaml = format!(
        "endpoints: {endpoints:?}\ntoken: {{ file: {:?} }}\n{lines}\n",
        token.path()
    );
    let options: SplunkHec = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    settings
}

/// Few records in a batch and no waiting.
pub const SMALL: &str = "batch: { records: 10, linger: 20ms }\nworkers: 1";

impl Bench {
    /// A target for one receiver.
    pub fn start(receiver: &SplunkHecEmulator, lines: &str) -> Self {
        Self::with(settings(&[receiver.endpoint()], lines))
    }

    /// A target with these settings.
    pub fn with(settings: Settings) -> Self {
        let window = Window::new(50_000, 24 << 20);
        let metrics = Arc::new(Metrics::new());
        let health = Arc::new(TargetHealth::new("soc", &metrics));
        let (dead_letters, mut requests) = DeadLetters::channel();
        let letters: Arc<Mutex<Vec<DeadLetter>>> = Arc::default();
        let written = Arc::clone(&letters);
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                written
                    .lock()
                    .expect("it is not poisoned")
                    .extend(request.letters);
                let _ = request.written.send(());
            }
        });
        let hub = Hub {
            namespace: "contoso.servicebus.windows.net".into(),
            name: "defender".into(),
        };
        let abandon = CancellationToken::new();
        let context = Context {
            target: "soc".into(),
            hub: hub.clone(),
            consumer_group: "$Default".into(),
            dead_letters,
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            abandon: abandon.clone(),
        };
        let (records, queue) = mpsc::channel(64);
        let (settings, received) = watch::channel(settings);
        Self {
            in_flight: InFlight::new(PartitionId::new("0"), 0, Arc::clone(&window)),
            target: tokio::spawn(splunk_hec::run(received, queue, context)),
            settings,
            records: Some(records),
            sent: 0,
            window,
            metrics,
            health,
            letters,
            abandon,
            hub,
        }
    }

    /// Sends `count` recommendations, numbered on.
    pub async fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.send_one(Kind::Assessment, "").await;
        }
    }

    /// Sends one record whose event has `text` in it.
    pub async fn send_one(&mut self, kind: Kind, text: &str) {
        let number = self.sent;
        self.sent += 1;
        let body = Bytes::from(format!(
            "{{\"number\":{number},\"text\":{text:?},\"original\":true}}"
        ));
        let event = Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(number),
            offset: Offset::new(format!("{}", number * 100)),
            enqueued_time: Timestamp::from_millis(1_722_937_225_045 + number),
            body: body.clone(),
            last_enqueued: None,
        };
        let in_flight = self.in_flight.begin(&event);
        let bytes = Bytes::from(format!("{{\"number\":{number},\"text\":{text:?}}}"));
        let record = Rendered {
            about: About {
                kind,
                index: 0,
                event_id: self.event_id(number),
                key: Some(format!("/subscriptions/{number}/\"quoted\"").into()),
                time: Timestamp::from_millis(1_600_000_000_000),
                is_snapshot: false,
                mapping_revision: None,
                details: None,
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
        self.metrics
            .deliver_in_flight_records
            .with_label_values(&["soc"])
            .inc();
        let records = self.records.as_ref().expect("the queue is open");
        records.send(record).await.expect("the target is at work");
    }

    /// The id of record `number`.
    pub fn event_id(&self, number: i64) -> EventId {
        let time = Timestamp::from_millis(1_722_937_225_045 + number);
        EventId::new(&self.hub, &PartitionId::new("0"), SequenceNumber(number), time, 0)
    }

    /// Waits until `is_reached`.
    pub async fn until(&self, what: &str, is_reached: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_reached(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{what} did not happen; retries: {:?}", self.retries());
        }
    }

    /// Events that settled.
    pub fn settled(&self) -> u64 {
        self.in_flight.settled()
    }

    /// Tries repeated for `reason`.
    pub fn retried(&self, reason: &str) -> u64 {
        self.metrics
            .deliver_retries_total
            .with_label_values(&["soc", reason])
            .get()
    }

    fn retries(&self) -> String {
        use prometheus::core::Collector;
        format!("{:?}", self.metrics.deliver_retries_total.collect())
    }

    /// Ends the queue, waits for the target, and balances the account: every record is settled exactly once, those in
    /// the dead letters are `dead` and no other, every other one was taken by a receiver, and nothing stays booked.
    pub async fn balance(mut self, receivers: &[&SplunkHecEmulator], dead: &[i64]) {
        self.records = None;
        let Ok(ended) = tokio::time::timeout(PATIENCE, &mut self.target).await else {
            panic!(
                "the target did not end; settled {} of {}, {}",
                self.settled(),
                self.sent,
                self.retries()
            );
        };
        ended.expect("the target does not panic");
        assert_eq!(self.settled(), self.sent as u64, "each event settles once");
        assert!(self.in_flight.is_empty());
        let letters: BTreeSet<String> = self.letters().iter().map(|letter| id(letter.event_id)).collect();
        let expected: BTreeSet<String> = dead
            .iter()
            .map(|number| self.event_id(*number).to_string())
            .collect();
        assert_eq!(letters, expected, "dead letters");
        assert_eq!(self.letters().len(), dead.len(), "one dead letter for each");
        let taken: BTreeSet<String> = receivers
            .iter()
            .flat_map(|receiver| receiver.envelopes())
            .filter_map(|envelope| envelope.event_id.map(String::from))
            .collect();
        let sent: BTreeSet<String> = (0..self.sent)
            .map(|number| self.event_id(number).to_string())
            .collect();
        assert!(taken.is_subset(&sent), "nothing is delivered that was not sent");
        let lost: Vec<_> = sent
            .difference(&taken)
            .filter(|id| !letters.contains(*id))
            .collect();
        assert!(
            lost.is_empty(),
            "{} records were settled and not taken",
            lost.len()
        );
        let delivered = self
            .metrics
            .deliver_records_total
            .with_label_values(&["soc", "delivered"]);
        assert_eq!(
            delivered.get(),
            (self.sent as usize - dead.len()) as u64,
            "delivered"
        );
        assert_eq!(
            self.metrics
                .deliver_in_flight_records
                .with_label_values(&["soc"])
                .get(),
            0
        );
        assert_eq!(self.window.bytes(), 0, "nothing stays booked");
    }

    /// The dead letters so far.
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.letters.lock().expect("it is not poisoned").clone()
    }

    /// Waits for the target to return by itself.
    pub async fn ended(&mut self) {
        tokio::time::timeout(PATIENCE, &mut self.target)
            .await
            .expect("the target ends")
            .expect("it does not panic");
    }
}

fn id(id: Option<EventId>) -> String {
    id.expect("a refused record has an id").to_string()
}
