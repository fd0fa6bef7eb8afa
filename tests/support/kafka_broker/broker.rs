//! A running broker as a test sees it.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tokio::time::{Instant, sleep};

use super::message::read;
use super::process::Process;
use super::{Isolation, Jars, Message, Options};

/// Longest wait for an answer; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A single node in KRaft mode; ends when dropped. Topics are never made by themselves.
pub struct Broker {
    process: Process,
}

impl Broker {
    /// Starts one, which takes about three seconds, and waits until it answers.
    pub async fn start(jars: &Jars, options: &Options) -> Self {
        let mut broker = Self {
            process: Process::new(jars, options).await,
        };
        broker.resume().await;
        broker
    }

    /// Where it takes clients without TLS and login; the same over every restart.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.process.ports.plaintext)
    }

    /// Where it takes clients by TLS.
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.process.ports.tls)
    }

    /// Where it takes clients that log in.
    pub fn sasl_address(&self) -> String {
        format!("127.0.0.1:{}", self.process.ports.sasl)
    }

    /// Settings of a client that comes to [`Broker::address`].
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.address())
            .set("reconnect.backoff.max.ms", "500");
        client
    }

    /// Makes a topic and waits until it can be written.
    pub async fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let made = self
            .admin()
            .create_topics([&topic], &admin_options())
            .await
            .expect("the broker answers");
        made.into_iter()
            .for_each(|topic| drop(topic.expect("the topic can be made")));
        self.wait_for(|metadata| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            topic.is_some_and(|topic| {
                topic.partitions().len() == partitions as usize
                    && topic.partitions().iter().all(|partition| partition.leader() >= 0)
            })
        })
        .await;
    }

    /// Replaces the configuration of a topic.
    pub async fn configure_topic(&self, name: &str, config: &[(&str, &str)]) {
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in config {
            change = change.set(key, value);
        }
        let changed = self
            .admin()
            .alter_configs([&change], &admin_options())
            .await
            .expect("the broker answers");
        changed
            .into_iter()
            .for_each(|topic| drop(topic.expect("the topic can be changed")));
    }

    /// All messages of a topic from its start to its present end, partition by partition in their order.
    pub async fn read(&self, topic: &str, isolation: Isolation) -> Vec<Message> {
        let (client, topic) = (self.client(), topic.to_owned());
        tokio::task::spawn_blocking(move || read(&client, &topic, isolation))
            .await
            .expect("reading does not panic")
    }

    /// Asks for a clean end and waits for it.
    pub async fn stop(&mut self) {
        self.process.signal("TERM");
        self.process.wait().await;
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait().await;
    }

    /// Starts it again after [`Broker::stop`] or [`Broker::kill`], with the same data and ports, and waits until it answers.
    pub async fn resume(&mut self) {
        self.process.start().await;
        self.wait_for(|metadata| !metadata.brokers().is_empty()).await;
    }

    /// Stops it and starts it again.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.resume().await;
    }

    /// Lets it stand still, with its connections open, until [`Broker::unfreeze`].
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub fn unfreeze(&self) {
        self.process.signal("CONT");
    }

    /// What it says about itself: warnings and errors.
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("the settings are valid")
    }

    /// Waits until what the broker says about the cluster is as it should be.
    async fn wait_for(&self, is_reached: impl Fn(&rdkafka::metadata::Metadata) -> bool) {
        let admin = self.admin();
        let until = Instant::now() + PATIENCE;
        loop {
            // Blocks for a moment; the test has nothing else to do.
            let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(2));
            if metadata.is_ok_and(|metadata| is_reached(&metadata)) {
                return;
            }
            assert!(Instant::now() < until, "the broker is not ready: {}", self.log());
            sleep(LOOK_INTERVAL).await;
        }
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}
