//! One run of the bridge, in a runtime of its own, so that it can end in order or as if it were killed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::cli::exit::Failure;
use hub2siem::config::{Configuration, Intervals, TargetSettings};
use hub2siem::pipeline::Bridge;
use hub2siem::pipeline::reload::Source;
use hub2siem::telemetry::{Metrics, Readiness};
use prometheus::IntCounterVec;
use prometheus::core::Collector;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is waited for on the bridge's side before a test fails; longer than any grace period here.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

/// A running bridge.
pub struct Run {
    pub metrics: Arc<Metrics>,
    pub readiness: Arc<Readiness>,
    pub http: SocketAddr,
    /// Asks for a reload, as SIGHUP does.
    pub asked: Arc<Notify>,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), Failure>>,
    runtime: Option<Runtime>,
}

impl Run {
    /// Starts the bridge of a configuration file.
    pub async fn start(path: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("this machine has threads");
        let configuration = configuration(path);
        let metrics = Arc::new(Metrics::new());
        let opening = Bridge::start(configuration, Arc::clone(&metrics));
        let mut bridge = runtime
            .spawn(opening)
            .await
            .expect("opening does not panic")
            .expect("everything can be opened");
        let asked = Arc::new(Notify::new());
        bridge.reload_from(Source {
            path: path.to_owned(),
            asked: Arc::clone(&asked),
        });
        let stop = CancellationToken::new();
        Self {
            asked,
            metrics,
            readiness: Arc::clone(bridge.readiness()),
            http: bridge.http_address(),
            ended: runtime.spawn(bridge.run(stop.clone())),
            stop,
            runtime: Some(runtime),
        }
    }

    /// Asks for the end, and waits for it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(STOP_TIMEOUT, &mut self.ended).await;
        ended
            .expect("the bridge ends in time")
            .expect("the bridge does not panic")
            .expect("the bridge ends well");
        self.end_runtime().await;
    }

    /// Ends everything in the middle of what it does: no drain, no last checkpoint.
    pub async fn kill(mut self) {
        assert!(!self.ended.is_finished(), "the bridge ended by itself");
        self.end_runtime().await;
    }

    async fn end_runtime(&mut self) {
        let runtime = self.runtime.take().expect("a bridge ends once");
        // Waits for writes to disk that are under way, as a kernel finishes a system call of a killed process.
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_TIMEOUT));
        ended.await.expect("ending a runtime does not panic");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Sum of a counter over the samples that have all of these label values.
pub fn total(counter: &IntCounterVec, labels: &[&str]) -> u64 {
    let families = counter.collect();
    let samples = families.iter().flat_map(|family| family.get_metric());
    samples
        .filter(|sample| {
            let has = |value: &&str| sample.get_label().iter().any(|label| label.value() == *value);
            labels.iter().all(has)
        })
        .map(|sample| sample.get_counter().get_value() as u64)
        .sum()
}

/// The configuration of a file, with everything that only waits for time made short.
fn configuration(path: &Path) -> Configuration {
    let (mut configuration, _) =
        hub2siem::config::load(path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    configuration.intervals = Intervals {
        partitions: Duration::from_millis(300),
        checkpoints: Duration::from_millis(100),
        idle: Duration::from_millis(300),
        stuck: Duration::from_millis(600),
    };
    for target in &mut configuration.targets {
        if let TargetSettings::SplunkHec(settings) = &mut target.settings {
            settings.try_interval = Duration::from_millis(300);
        }
    }
    configuration
}
