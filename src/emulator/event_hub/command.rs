//! The verb `emulator event-hub`: a hub in a process of its own.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::body::Template;
use super::options::{Options, SharedAccessKey};
use super::server::EventHubEmulator;

/// Time between two portions of events at a given rate.
const RATE_STEP: Duration = Duration::from_millis(20);

/// Options of `emulator event-hub`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Address to listen on, for AMQP and for AMQP over WebSocket; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5672")]
    pub listen: SocketAddr,
    /// Name of the hub
    #[arg(long, value_name = "NAME", default_value = "defender")]
    pub hub: String,
    /// Number of partitions
    #[arg(long, value_name = "COUNT", default_value = "4")]
    pub partitions: NonZeroU32,
    /// File with one event a line, spread over the partitions at start; `{{sequence}}` becomes the event's number
    #[arg(long, value_name = "FILE.jsonl")]
    pub events: Option<PathBuf>,
    /// How many times the events of the file are appended
    #[arg(long, value_name = "TIMES", default_value = "1", requires = "events")]
    pub repeat: NonZeroU64,
    /// Append the events of the file at this rate instead of all at once
    #[arg(long, value_name = "EVENTS_PER_SECOND", requires = "events")]
    pub rate: Option<NonZeroU64>,
    /// Newest events kept per partition; without it all are kept
    #[arg(long, value_name = "EVENTS")]
    pub retention: Option<NonZeroU64>,
    /// Policy and key that clients must know, as `NAME=KEY`; without it any token is taken
    #[arg(long, value_name = "NAME=KEY", value_parser = shared_access_key)]
    pub key: Option<SharedAccessKey>,
}

/// Runs a hub until SIGTERM or SIGINT. Prints its connection string as the first line of standard output.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Before the connection string appears: whoever reads it may send the signal at once.
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let lines = match &arguments.events {
        Some(path) => read_lines(path).await?,
        None => Arc::from(Vec::new()),
    };
    let emulator = EventHubEmulator::start(Options {
        listen: arguments.listen,
        retention: arguments.retention.map(NonZeroU64::get),
        key: arguments.key,
        ..Options::new(arguments.hub, arguments.partitions.get())
    })
    .await?;
    println!("{}", emulator.connection_string());
    let total = (lines.len() as u64).saturating_mul(arguments.repeat.get());
    let feed = async {
        match arguments.rate {
            Some(rate) => append_at_rate(&emulator, &lines, total, rate.get()).await,
            None => emulator.append_repeated(&lines, total),
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = feed => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    emulator.shutdown().await;
    Ok(())
}

/// Appends `total` events, `rate` a second; what a late step missed, the next one makes up for.
async fn append_at_rate(emulator: &EventHubEmulator, lines: &Arc<[Template]>, total: u64, rate: u64) {
    let start = tokio::time::Instant::now();
    let mut step = tokio::time::interval(RATE_STEP);
    step.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut appended = 0;
    while appended < total {
        step.tick().await;
        let due = ((start.elapsed().as_secs_f64() * rate as f64) as u64).min(total);
        emulator.append_repeated(lines, due - appended);
        appended = due;
    }
}

async fn read_lines(path: &PathBuf) -> anyhow::Result<Arc<[Template]>> {
    let text = tokio::fs::read_to_string(path)
        .await
        .with_context(|| format!("failed to read events from `{}`", path.display()))?;
    let lines: Vec<Template> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(Template::new)
        .collect();
    anyhow::ensure!(!lines.is_empty(), "no events in `{}`", path.display());
    Ok(Arc::from(lines))
}

fn shared_access_key(text: &str) -> Result<SharedAccessKey, String> {
    match text.split_once('=') {
        Some((name, key)) if !name.is_empty() && !key.is_empty() => Ok(SharedAccessKey {
            name: name.to_owned(),
            key: key.to_owned(),
        }),
        _ => Err("expected NAME=KEY".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn arguments_are_read() {
        let line =
            "x --listen 127.0.0.1:0 --hub h --partitions 2 --events e.jsonl --repeat 5 --rate 9 --key n=k=";
        let arguments = Command::try_parse_from(line.split(' ')).unwrap().arguments;
        assert_eq!(arguments.partitions.get(), 2);
        assert_eq!(arguments.key.unwrap().key, "k=");
        for line in ["x --partitions 0", "x --repeat 2", "x --key name"] {
            assert!(Command::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    /// Scenario: 1,000 events are appended at 500 a second.
    /// Guarantees: all of them are there after two seconds and not before, spread evenly.
    #[tokio::test(start_paused = true)]
    async fn rate_is_kept() {
        let emulator = EventHubEmulator::start(Options::new("h", 2)).await.unwrap();
        let lines = Arc::from(vec![Template::new("{{sequence}}")]);
        let start = tokio::time::Instant::now();
        append_at_rate(&emulator, &lines, 1000, 500).await;
        let elapsed = start.elapsed();
        assert!(
            elapsed >= Duration::from_secs(2) && elapsed < Duration::from_millis(2100),
            "{elapsed:?}"
        );
        for partition in [0, 1] {
            assert_eq!(emulator.last_sequence_number(partition).0, 499);
        }
    }
}
