//! The imitation of a cluster that comes with the client library, for faults that a real one does not make on demand.
//!
//! It keeps messages and answers by the protocol. It knows no TLS, no login, and no configuration of topics.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::kafka_message::{Isolation, Message, read};

/// The cluster itself, on its thread.
pub type Mock = MockCluster<'static, DefaultProducerContext>;

type Command = Box<dyn FnOnce(&Mock) + Send>;

/// A cluster that ends when dropped. It may not leave the thread it was made on, so it is told there what to do.
pub struct Cluster {
    address: String,
    commands: Option<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts one with so many brokers, numbered from 1, and the topic `mdc` with one partition.
    pub fn start(brokers: i32) -> Self {
        let cluster = Self::without_topic(brokers);
        cluster.create_topic("mdc", 1);
        cluster
    }

    /// The same without a topic.
    pub fn without_topic(brokers: i32) -> Self {
        let (commands, queue) = sync_channel::<Command>(1);
        let (addresses, address) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mock = MockCluster::new(brokers).expect("ports can be had");
            let sent = addresses.send(mock.bootstrap_servers());
            sent.expect("somebody waits for it");
            while let Ok(command) = queue.recv() {
                command(&mock);
            }
        });
        Self {
            address: address.recv().expect("the cluster starts"),
            commands: Some(commands),
            thread: Some(thread),
        }
    }

    /// Its brokers as the option `brokers`.
    pub fn brokers(&self) -> Vec<String> {
        self.address.split(',').map(str::to_owned).collect()
    }

    /// Does something with the cluster, and waits for it.
    pub fn with<R: Send + 'static>(&self, what: impl FnOnce(&Mock) -> R + Send + 'static) -> R {
        let (results, result) = sync_channel(1);
        let command: Command = Box::new(move |mock| {
            results.send(what(mock)).expect("somebody waits for it");
        });
        let commands = self.commands.as_ref().expect("it is not dropped");
        commands.send(command).expect("the thread runs");
        result.recv().expect("the thread runs")
    }

    /// Makes a topic that all brokers have.
    pub fn create_topic(&self, name: &'static str, partitions: i32) {
        let brokers = self.brokers().len() as i32;
        let made = self.with(move |mock| mock.create_topic(name, partitions, brokers));
        made.expect("the topic can be made");
    }

    /// The next requests of a kind fail, one by one with these errors.
    pub fn fail(&self, kind: RDKafkaApiKey, errors: Vec<RDKafkaRespErr>) {
        self.with(move |mock| mock.request_errors(kind, &errors));
    }

    /// Every broker ends its connections and takes no further ones.
    pub fn down(&self) {
        self.with(|mock| mock.broker_down(-1)).expect("there are brokers");
    }

    /// They take connections again.
    pub fn up(&self) {
        self.with(|mock| mock.broker_up(-1)).expect("there are brokers");
    }

    /// All messages of a topic, partition by partition in their order.
    pub async fn read(&self, topic: &'static str) -> Vec<Message> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        tokio::task::spawn_blocking(move || read(&client, topic, Isolation::Uncommitted))
            .await
            .expect("reading does not panic")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the cluster's thread does not panic");
        }
    }
}
