//! A broker of Apache Kafka that runs in a process of its own.

use tokio::runtime::Runtime;

#[path = "../../tests/support/kafka_broker/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod kafka_broker;

use kafka_broker::{Options, jars};

/// The topic that records go to, as many partitions as the hub has.
pub const TOPIC: &str = "mdc";
const PARTITIONS: i32 = 4;

/// A running broker with one topic.
pub struct Broker {
    broker: kafka_broker::Broker,
    _runtime: Runtime,
}

impl Broker {
    /// Starts it and makes the topic.
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("the machine has threads");
        let broker = runtime.block_on(async {
            let jars = jars("the cost of Kafka")
                .await
                .expect("Java and Maven; `--only` leaves this case out");
            let broker = kafka_broker::Broker::start(&jars, &Options::default()).await;
            broker.create_topic(TOPIC, PARTITIONS, &[]).await;
            broker
        });
        Self {
            broker,
            _runtime: runtime,
        }
    }

    /// Where it takes clients.
    pub fn address(&self) -> String {
        self.broker.address()
    }
}
