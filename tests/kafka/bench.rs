//! A target on its stage, and what a reader of its topic is asked.

use std::time::Duration;

use hub2siem::deliver::kafka::{self, Kafka, Settings};
use hub2siem::event::{Details, Kind, RejectReason};

use super::kafka_broker::Options;
use super::kafka_mock::Cluster;
use super::stage::{Account, Stage, TARGET};

/// Batches are sent soon, and what the client library says of itself comes often.
pub const QUICK: &str = "linger.ms: 20, statistics.interval.ms: 50, reconnect.backoff.max.ms: 200";

/// The options of a target; `lines` are added.
pub fn settings(brokers: &[String], lines: &str) -> Settings {
    let options: Kafka =
        serde_saphyr::from_str(&format!("brokers: {brokers:?}\n{lines}\n")).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(100);
    settings
}

/// A target at work with these settings.
pub fn start_with(settings: Settings) -> Stage {
    Stage::start(|records, context| kafka::run(settings, records, context))
}

/// A target that writes to the topic `mdc` of an imitation.
pub fn start(cluster: &Cluster) -> Stage {
    let lines = format!("topic: mdc\nlibrdkafka: {{ {QUICK} }}");
    start_with(settings(&cluster.brokers(), &lines))
}

/// A real broker that deletes nothing: the times of the stage's records are long past.
pub fn keeping() -> Options {
    Options {
        properties: vec![("log.retention.ms".to_owned(), "-1".to_owned())],
        ..Options::default()
    }
}

/// Sends `count` records of the subscriptions `s0`, `s1`, …, `keys` of them in turn.
pub async fn send_keyed(stage: &mut Stage, count: usize, keys: usize) {
    for _ in 0..count {
        let number = stage.sent();
        let details = Details {
            subscription: Some(format!("s{}", number % keys).into()),
            ..Details::default()
        };
        let bytes = format!("{{\"number\":{number}}}");
        stage
            .send_bytes(Kind::Assessment, bytes.into(), Some(details))
            .await;
    }
}

/// Sends `count` records that go in one batch: they wait for brokers that are away.
///
/// Everything before must have settled, and the client library must tell of itself as [`QUICK`] says.
pub async fn send_together(stage: &mut Stage, cluster: &Cluster, count: usize) {
    cluster.down();
    let metrics = stage.metrics.clone();
    stage
        .until("told", |_| gauge(&metrics.deliver_kafka_brokers_up) == 0)
        .await;
    stage.send(count).await;
    let count = count as i64;
    stage
        .until("handed over", |_| {
            gauge(&metrics.deliver_kafka_queue_messages) == count
        })
        .await;
    cluster.up();
}

/// Waits until every record settled.
pub async fn all_settled(stage: &Stage) {
    let sent = stage.sent();
    stage.until("settled", |stage| stage.settled() == sent).await;
}

/// A gauge of the target, as the client library last told it.
pub fn gauge(gauge: &prometheus::IntGaugeVec) -> i64 {
    gauge.with_label_values(&[TARGET]).get()
}

/// The numbers of the events that messages are of; the type of a message differs between the peers.
pub fn numbers<'m>(headers: impl Iterator<Item = &'m str>) -> Vec<i64> {
    let numbers: Result<_, _> = headers.map(str::parse).collect();
    numbers.expect("they are numbers")
}

/// The header with the number of the event.
pub const NUMBER: &str = "hub_sequence_number";

/// All numbers below `count`.
pub fn all(count: usize) -> Vec<i64> {
    (0..count as i64).collect()
}

impl Account {
    /// All records up to `count` are delivered.
    pub fn delivered(count: i64) -> Self {
        Self {
            delivered: (0..count).collect(),
            ..Self::default()
        }
    }

    /// All but these, which are dead letters for `reason`.
    pub fn except(mut self, numbers: &[i64], reason: RejectReason) -> Self {
        self.delivered.retain(|number| !numbers.contains(number));
        self.dead.extend(numbers.iter().map(|number| (*number, reason)));
        self
    }
}
