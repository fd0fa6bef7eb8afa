//! The verb `emulator splunk-hec`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::server::{Options, SplunkHecEmulator};

/// A receiver that speaks the protocol of Splunk's HTTP Event Collector.
#[derive(Debug, Clone, clap::Args)]
pub struct Command {
    /// Address to listen on, such as 127.0.0.1:8088; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Token to accept
    #[arg(long, value_name = "T")]
    pub token: String,
    /// Acknowledge events on request, as a token with indexer acknowledgement does
    #[arg(long)]
    pub acknowledgement: bool,
    /// File to append every acknowledged envelope to, one a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub output: Option<PathBuf>,
}

/// Prints the address and serves until a signal says stop.
///
/// Errors: the address is taken, the output file cannot be opened, or standard output is closed.
pub async fn run(command: Command) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let emulator = SplunkHecEmulator::start(Options {
        listen: command.listen,
        token: command.token,
        has_acknowledgement: command.acknowledgement,
        output: command.output,
        keeps_envelopes: false,
    })
    .await?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", emulator.endpoint())?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    let statistics = emulator.statistics();
    writeln!(
        out,
        "received {} acknowledged {} duplicates {} requests {}",
        statistics.received, statistics.acknowledged, statistics.duplicates, statistics.requests
    )?;
    emulator.shutdown().await
}
