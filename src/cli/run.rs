//! `run`: the bridge until a signal.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::load;
use crate::pipeline::Bridge;
use crate::pipeline::reload::Source;
use crate::telemetry::{Metrics, log};

/// Runs until SIGTERM or SIGINT: no more credit, drain within the grace period, last checkpoint, detach. Meanwhile the
/// files are read again when they change, and at SIGHUP. A start that still waits for a store is given up at the signal.
pub fn run(config: &Path) -> Result<(), Failure> {
    let configuration = load::configuration(config)?;
    log::install(configuration.log);
    load::block_on_threads(Some(configuration.worker_threads), async {
        let stop = stop_on_signal()
            .context("failed to listen for signals")
            .map_err(Failure::Internal)?;
        let asked = reload_on_signal()
            .context("failed to listen for signals")
            .map_err(Failure::Internal)?;
        let start = Box::pin(Bridge::start(configuration, Arc::new(Metrics::new())));
        let mut bridge = tokio::select! {
            biased;
            bridge = start => bridge?,
            () = stop.cancelled() => return Ok(()),
        };
        bridge.reload_from(Source {
            path: config.to_owned(),
            asked,
        });
        bridge.run(stop).await
    })?
}

/// A token that the first signal cancels; the second one ends the process at once, without a drain.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let name = first(&mut terminate, &mut interrupt).await.0;
        tracing::info!(
            signal = name,
            "stopping: what is on its way is finished within the grace period"
        );
        token.cancel();
        let (name, code) = first(&mut terminate, &mut interrupt).await;
        tracing::warn!(
            signal = name,
            "second signal: ending at once; unsettled records are sent again after the start"
        );
        log::finish();
        std::process::exit(code);
    });
    Ok(stop)
}

/// Told at every SIGHUP, which would end the process otherwise.
fn reload_on_signal() -> std::io::Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let asked = Arc::new(Notify::new());
    let notify = Arc::clone(&asked);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::debug!("SIGHUP: the configuration is read again");
            notify.notify_one();
        }
    });
    Ok(asked)
}

/// The next signal, and the exit code of a process that it ends.
async fn first(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", 143),
        _ = interrupt.recv() => ("SIGINT", 130),
    }
}
