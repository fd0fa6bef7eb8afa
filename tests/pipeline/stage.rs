//! A hub, receivers, and a bridge between them, each behind a proxy that can break the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hub2siem::emulator::event_hub::{self, EventHubEmulator};
use hub2siem::emulator::splunk_hec::{self, SplunkHecEmulator};
use hub2siem::event::Timestamp;
use tempfile::TempDir;

use super::items::{Parcel, alert, single};
use super::oracle::Oracle;
use super::plan::{Plan, Sink};
use super::run::Run;
use crate::support::proxy::Proxy;

pub const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

/// Longer than any state here should take to come, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Everything of one test.
pub struct Stage {
    pub hub: EventHubEmulator,
    pub hub_proxy: Proxy,
    pub receivers: Vec<Receiver>,
    pub oracle: Oracle,
    pub plan: Plan,
    bridge: Option<Run>,
    directory: TempDir,
    /// Number of the newest item.
    numbers: u64,
    /// What a failure is reported under, such as the seed.
    pub name: String,
}

/// The receiver of one Splunk target.
pub struct Receiver {
    pub target: &'static str,
    pub emulator: SplunkHecEmulator,
    pub proxy: Proxy,
}

impl Stage {
    /// Sets everything up except for the bridge, so that a test can send before it starts.
    pub async fn set_up(plan: Plan) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let hub = EventHubEmulator::start(event_hub::Options {
            retention: plan.retention,
            ..event_hub::Options::new("defender", plan.partitions)
        });
        let hub = hub.await.expect("a free port can be had");
        let hub_proxy = Proxy::start(hub.address()).await;
        let through_proxy = hub
            .connection_string()
            .replace(&hub.address().to_string(), &hub_proxy.address().to_string());
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("the directory is ours");
        };
        write("connection_string", &through_proxy);
        write("token", TOKEN);
        std::fs::create_dir(directory.path().join("mappings")).expect("the directory is ours");
        let mut receivers = Vec::new();
        for target in plan.targets.iter().filter(|target| target.sink == Sink::Splunk) {
            let emulator = SplunkHecEmulator::start(splunk_hec::Options {
                output: Some(directory.path().join(format!("{}.jsonl", target.name))),
                keeps_envelopes: true,
                ..splunk_hec::Options::local(TOKEN)
            });
            let emulator = emulator.await.expect("a free port can be had");
            receivers.push(Receiver {
                target: target.name,
                proxy: Proxy::start(emulator.address()).await,
                emulator,
            });
        }
        Self {
            oracle: Oracle::new(&plan, "127.0.0.1", directory.path()),
            hub,
            hub_proxy,
            receivers,
            plan,
            bridge: None,
            directory,
            numbers: 0,
            name: "stage".to_owned(),
        }
    }

    /// The same with the bridge running.
    pub async fn open(plan: Plan) -> Self {
        let mut stage = Self::set_up(plan).await;
        stage.start().await;
        stage
    }

    /// Starts the bridge, on the state of the one before.
    pub async fn start(&mut self) {
        self.write_configuration();
        self.oracle.begin_run();
        self.bridge = Some(Run::start(&self.path("bridge.yaml")).await);
    }

    /// Writes the configuration file as the plan has it now.
    pub fn write_configuration(&self) {
        let directory = self.directory.path().display().to_string();
        let endpoint = |name: &str| {
            let receiver = self.receivers.iter().find(|receiver| receiver.target == name);
            receiver.map_or(String::new(), |receiver| {
                format!("http://{}", receiver.proxy.address())
            })
        };
        std::fs::write(self.path("bridge.yaml"), self.plan.yaml(&directory, endpoint))
            .expect("the directory is ours");
    }

    /// The running bridge.
    pub fn bridge(&self) -> &Run {
        self.bridge.as_ref().expect("the bridge runs")
    }

    /// Stops the bridge in order.
    pub async fn stop(&mut self) {
        self.bridge.take().expect("the bridge runs").stop().await;
        self.oracle.check_checkpoints();
    }

    /// Ends the bridge in the middle of what it does.
    pub async fn kill(&mut self) {
        self.bridge.take().expect("the bridge runs").kill().await;
        self.oracle.check_checkpoints();
    }

    /// A file or directory of this test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The receiver of a target.
    pub fn receiver(&self, target: &str) -> &Receiver {
        let receiver = self.receivers.iter().find(|receiver| receiver.target == target);
        receiver.unwrap_or_else(|| panic!("{target} has no receiver"))
    }

    /// Sends an event.
    pub fn send(&mut self, partition: u32, parcel: Parcel) -> i64 {
        self.send_at(partition, parcel, Timestamp::now())
    }

    /// Sends an event that is enqueued at `time`.
    pub fn send_at(&mut self, partition: u32, parcel: Parcel, time: Timestamp) -> i64 {
        let number = self.hub.append_at(partition, parcel.body.clone(), time);
        self.oracle.sent(partition, number, time, &parcel);
        number.0
    }

    /// Sends `count` alerts, to all partitions in turn.
    pub fn send_alerts(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.next_number();
            let partition = number % u64::from(self.plan.partitions);
            self.send(partition as u32, single(alert(number)));
        }
    }

    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Waits for a state, checking every checkpoint on the way.
    #[track_caller]
    pub fn until(
        &mut self,
        what: &str,
        is_reached: impl FnMut(&mut Self) -> bool,
    ) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        let what = what.to_owned();
        self.until_at(what, place, is_reached)
    }

    async fn until_at(
        &mut self,
        what: String,
        place: &'static std::panic::Location<'static>,
        mut is_reached: impl FnMut(&mut Self) -> bool,
    ) {
        let started = Instant::now();
        while !is_reached(self) {
            self.oracle.check_checkpoints();
            if started.elapsed() > PATIENCE {
                let problems = self
                    .bridge
                    .as_ref()
                    .map(|bridge| bridge.readiness.report().problems);
                panic!(
                    "{}: no {what} in time, waited for at {place}; {}; the bridge says {problems:?}",
                    self.name,
                    self.oracle.describe_owed()
                );
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Waits until every record is settled at every target: (a).
    pub async fn settled(&mut self) {
        self.until("settlement of everything", |stage| stage.oracle.is_settled())
            .await;
    }

    /// Goes on for a while, checking every checkpoint.
    pub async fn pass(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.oracle.check_checkpoints();
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Checks that all is well at the end: (e) a fresh event for every partition arrives, (a) so did everything else,
    /// (b) nothing else was delivered, (c) byte for byte, and (d) after a clean stop the checkpoints say so.
    pub async fn close(mut self) {
        if self.bridge.is_none() {
            self.start().await;
        }
        self.send_alerts(u64::from(self.plan.partitions));
        self.settled().await;
        self.stop().await;
        self.check_deliveries();
        self.oracle.check_final_checkpoints();
        self.oracle.check_repeats();
        self.hub.shutdown().await;
    }

    /// (b) and (c) for everything that was delivered.
    pub fn check_deliveries(&mut self) {
        for receiver in &self.receivers {
            let target = self
                .plan
                .targets
                .iter()
                .find(|target| target.name == receiver.target);
            if target.is_some_and(|target| target.mapping == "native") {
                for envelope in receiver.emulator.envelopes() {
                    self.oracle.check_envelope(receiver.target, &envelope.bytes);
                }
            }
        }
        self.oracle.check_files();
    }
}
