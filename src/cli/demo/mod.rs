//! `demo`: a hub, a sender, the bridge and a receiver in one process, through the real AMQP and HTTP code.

mod feed;
mod scene;
mod show;
mod summary;

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use self::feed::Fed;
use self::scene::Scene;
use self::show::Show;
use self::summary::Summary;
use super::exit::Failure;
use super::load::block_on;
use super::run::stop_on_signal;
use crate::config::file::{Log, LogFormat, LogLevel};
use crate::telemetry::log;

/// How long the last records may take to be acknowledged after the sender stopped.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How much is shown, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hub2siem demo --rate 1000 --seconds 30")]
pub struct DemoArguments {
    /// Events a second that are sent into the hub.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// How long to send.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Partitions of the hub.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub partitions: u32,
    /// One JSON object a line instead of colours; the last one is the summary.
    #[arg(long)]
    pub json: bool,
}

/// Runs to its end; fails if what was sent is not what was delivered and dead-lettered.
pub fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    log::install(Log {
        format: LogFormat::Text,
        level: LogLevel::Warn,
    });
    let summary = block_on(play(arguments))??;
    if summary.balanced {
        return Ok(());
    }
    Err(Failure::Internal(anyhow::anyhow!(
        "what was sent is not what was delivered and dead-lettered"
    )))
}

async fn play(arguments: &DemoArguments) -> Result<Summary, Failure> {
    let stop = stop_on_signal()
        .context("failed to listen for signals")
        .map_err(Failure::Internal)?;
    let mut scene = Scene::open(arguments).await?;
    let show = Show::new(arguments.json);
    show.opening(&scene, arguments);
    let started = Instant::now();
    let bridge_stop = CancellationToken::new();
    let bridge = tokio::spawn(scene.take_bridge().run(bridge_stop.clone()));
    let fed = tokio::select! {
        fed = feed::feed(&scene, arguments.rate, arguments.seconds, &stop) => fed,
        () = show.live(&scene) => Fed::default(),
    };
    let settled = tokio::select! {
        settled = tokio::time::timeout(SETTLE_TIMEOUT, scene.settled(&fed)) => settled.is_ok(),
        () = show.live(&scene) => false,
    };
    let seconds = started.elapsed().as_secs_f64();
    bridge_stop.cancel();
    bridge
        .await
        .context("the bridge failed")
        .map_err(Failure::Internal)??;
    let summary = Summary::new(&scene, &fed, seconds, settled);
    show.closing(&summary);
    scene.close().await;
    Ok(summary)
}
