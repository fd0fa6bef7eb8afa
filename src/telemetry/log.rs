//! The log: on standard error, as text or JSON, never with a body, a token or personal data.
//!
//! A thread of its own writes it: whoever reads standard error may stand still, and the bridge must not.

mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{IsTerminal, Write as _};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use self::queue::Queue;
use crate::config::file::{Log, LogFormat, LogLevel};
use crate::event::Timestamp;

/// How long an end waits for the next line to be written.
const FINISH_PATIENCE: Duration = Duration::from_secs(1);

/// Lets through what this module says: of panics, and of lines that were dropped.
const OWN: &str = "hub2siem::telemetry::log=warn";

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Installs the log for the whole process. `RUST_LOG` overrides the level, for finding faults. Panics are logged as well.
/// [`finish`] is to be called before the process ends.
pub fn install(log: Log) {
    match Queue::start(std::io::stderr()) {
        // Where there is one already, it is the one in use.
        Ok(queue) => install_to(log, Arc::clone(QUEUE.get_or_init(|| queue))),
        // No thread to be had; the runtime will say so.
        Err(_) => install_to(log, std::io::stderr),
    }
    std::panic::set_hook(Box::new(say_panic));
}

/// Waits until everything is written, or standard error took nothing for a second. What is logged after that may be lost.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.finish(FINISH_PATIENCE);
    }
}

/// Writes the last words of a process to standard error, behind the log. Whoever does not read them waits for nobody.
pub fn last_words(text: &str) {
    // What cannot be written has nowhere else to go.
    let _ = match QUEUE.get() {
        Some(queue) => (&**queue).write_all(text.as_bytes()),
        None => std::io::stderr().write_all(text.as_bytes()),
    };
    finish();
}

/// Lines dropped since the last call, because whatever reads standard error took none.
pub fn take_dropped_lines() -> u64 {
    QUEUE.get().map_or(0, |queue| queue.take_dropped())
}

/// A panic is a line like any other: written directly, it would wait for whoever reads.
fn say_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let is_captured = backtrace.status() == BacktraceStatus::Captured;
    tracing::error!(
        thread = std::thread::current().name(),
        place = panic.location().map(tracing::field::display),
        backtrace = is_captured.then(|| tracing::field::display(&backtrace)),
        "panic: {}",
        panic.payload_as_str().unwrap_or("no text")
    );
    finish();
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
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,hub2siem={level},fe2o3_amqp=error")))
        // Whatever is asked for, these are said.
        .add_directive(OWN.parse().expect("it is a directive"));
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
