//! The log: on standard error, as text or JSON, never with a body, a token or personal data.

use std::fmt;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::file::{Log, LogFormat, LogLevel};
use crate::event::Timestamp;

/// Installs the log for the whole process. `RUST_LOG` overrides the level, for finding faults.
pub fn install(log: Log) {
    install_to(log, std::io::stderr);
}

/// The same with another way to standard error, for who draws there too.
pub fn install_to<W>(log: Log, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // Libraries speak only when something is wrong: their `info` is our `debug`.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,hub2siem={level},fe2o3_amqp=error")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_timer(UtcMillis);
    let installed = match log.format {
        LogFormat::Text => builder
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    };
    if installed.is_err() {
        // Only a test that runs two bridges in one process gets here; the first log serves both.
        tracing::debug!("the log is installed already");
    }
}

/// RFC 3339 in UTC with milliseconds, like every other time the bridge writes.
struct UtcMillis;

impl FormatTime for UtcMillis {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Timestamp::now())
    }
}
