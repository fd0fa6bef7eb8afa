//! The log: on standard error, as text or JSON, never with a body, a token or personal data.
//!
//! A thread of its own writes it: whoever reads standard error may stand still, and the bridge must not.

use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::file::{Log, LogFormat, LogLevel};
use crate::event::Timestamp;

/// Lines that wait while standard error takes none; what is more is dropped and counted.
const MAX_WAITING_LINES: usize = 10_000;

/// Ends the thread that writes, which writes what waits first.
static WRITING: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Installs the log for the whole process. `RUST_LOG` overrides the level, for finding faults. Before the process ends,
/// [`finish`] is to be called.
pub fn install(log: Log) {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_WAITING_LINES)
        .thread_name("log")
        .finish(std::io::stderr());
    let _ = DROPPED.set(writer.error_counter());
    *WRITING.lock().expect("no holder of this lock panics") = Some(guard);
    install_to(log, writer);
}

/// Writes what waits, for a second at most. What is logged after that is dropped.
pub fn finish() {
    drop(WRITING.lock().expect("no holder of this lock panics").take());
}

/// Lines dropped so far because standard error took none.
pub fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |dropped| dropped.dropped_lines() as u64)
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
