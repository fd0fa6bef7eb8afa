//! What the demo runs: an emulated hub, an emulated Splunk and the bridge between them, configured by a real file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};

use super::DemoArguments;
use super::feed::Fed;
use crate::cli::exit::Failure;
use crate::config::configuration::load_text;
use crate::config::diagnostic::SourceFile;
use crate::emulator::event_hub::{self, EventHubEmulator};
use crate::emulator::splunk_hec::{self, SplunkHecEmulator};
use crate::pipeline::Bridge;
use crate::telemetry::{Metrics, Readiness};

const TOKEN: &str = "00000000-0000-0000-0000-00000000d3a0";
/// Acknowledged records that may wait to be printed.
const MAX_WAITING_RECORDS: usize = 64;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Everything on the stage.
pub struct Scene {
    /// The hub.
    pub hub: EventHubEmulator,
    /// Its partitions.
    pub partitions: u32,
    /// The receiver.
    pub receiver: SplunkHecEmulator,
    /// What the receiver acknowledged, as it comes.
    pub arrivals: Mutex<mpsc::Receiver<Bytes>>,
    /// Metrics of the bridge.
    pub metrics: Arc<Metrics>,
    /// Health of the bridge.
    pub readiness: Arc<Readiness>,
    /// Where metrics and health are served.
    pub http_address: std::net::SocketAddr,
    bridge: Option<Bridge>,
    directory: PathBuf,
}

impl Scene {
    /// Starts the hub and the receiver, and opens the bridge.
    pub async fn open(arguments: &DemoArguments) -> Result<Self, Failure> {
        let hub = EventHubEmulator::start(event_hub::Options::new("defender", arguments.partitions))
            .await
            .context("failed to start the hub")
            .map_err(Failure::Internal)?;
        let receiver = SplunkHecEmulator::start(splunk_hec::Options::local(TOKEN))
            .await
            .context("failed to start the receiver")
            .map_err(Failure::Internal)?;
        let arrivals = Mutex::new(receiver.events(MAX_WAITING_RECORDS));
        let directory = std::env::temp_dir().join(format!("hub2siem-demo-{}", std::process::id()));
        let text = configuration(&directory, &hub, &receiver).map_err(Failure::Internal)?;
        let file = SourceFile {
            name: "demo.yaml".into(),
            text: text.into(),
        };
        let (configuration, _) = load_text(&file)?;
        let metrics = Arc::new(Metrics::new());
        let bridge = Bridge::start(configuration, Arc::clone(&metrics)).await?;
        Ok(Self {
            hub,
            partitions: arguments.partitions,
            receiver,
            arrivals,
            metrics,
            readiness: Arc::clone(bridge.readiness()),
            http_address: bridge.http_address(),
            bridge: Some(bridge),
            directory,
        })
    }

    /// The bridge, to be run once.
    pub fn take_bridge(&mut self) -> Bridge {
        self.bridge.take().expect("the bridge is run once")
    }

    /// Completes when every record sent is settled.
    pub async fn settled(&self, fed: &Fed) {
        loop {
            let received = total(&self.metrics.eventhub_received_events_total);
            if received >= fed.events && self.readiness.held_events() == 0 {
                return;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Takes everything down and removes its files.
    pub async fn close(self) {
        self.hub.shutdown().await;
        if let Err(error) = self.receiver.shutdown().await {
            tracing::warn!(%error, "the receiver did not end well");
        }
        if let Err(error) = tokio::fs::remove_dir_all(&self.directory).await {
            tracing::warn!(%error, directory = %self.directory.display(), "failed to remove the demo's files");
        }
    }
}

/// Sum of a counter over all of its labels.
pub fn total(counter: &prometheus::IntCounterVec) -> u64 {
    use prometheus::core::Collector;
    let families = counter.collect();
    let values = families.iter().flat_map(|family| family.get_metric());
    values.map(|metric| metric.get_counter().get_value() as u64).sum()
}

/// A configuration as a user would write it, with its secrets in files.
fn configuration(
    directory: &std::path::Path,
    hub: &EventHubEmulator,
    receiver: &SplunkHecEmulator,
) -> anyhow::Result<String> {
    let at = |name: &str| directory.join(name).display().to_string();
    std::fs::create_dir_all(directory).with_context(|| format!("failed to make {}", directory.display()))?;
    std::fs::write(directory.join("connection_string"), hub.connection_string())?;
    std::fs::write(directory.join("token"), TOKEN)?;
    Ok(format!(
        "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n\
         checkpoint: {{ file: {{ directory: '{}' }} }}\n\
         dead_letter: {{ file: {{ directory: '{}' }} }}\n\
         http: {{ listen: 127.0.0.1:0 }}\n\
         targets:\n\
         \x20 splunk:\n\
         \x20   splunk_hec: {{ endpoints: ['{}'], token: {{ file: '{}' }}, acknowledgement: required }}\n\
         \x20   mapping: ecs\n",
        at("connection_string"),
        at("state"),
        at("dead-letters"),
        receiver.endpoint(),
        at("token"),
    ))
}
