//! `run`: the bridge until a signal.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::load;
use crate::pipeline::Bridge;
use crate::telemetry::{Metrics, log};

/// Runs until SIGTERM or SIGINT: no more credit, drain within the grace period, last checkpoint, detach.
pub fn run(config: &Path) -> Result<(), Failure> {
    let configuration = load::configuration(config)?;
    log::install(configuration.log);
    load::block_on(async {
        let stop = stop_on_signal()
            .context("failed to listen for signals")
            .map_err(Failure::Internal)?;
        let bridge = Bridge::start(configuration, Arc::new(Metrics::new())).await?;
        tracing::info!(address = %bridge.http_address(), "metrics and health are served");
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
        std::process::exit(code);
    });
    Ok(stop)
}

/// The next signal, and the exit code of a process that it ends.
async fn first(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", 143),
        _ = interrupt.recv() => ("SIGINT", 130),
    }
}
