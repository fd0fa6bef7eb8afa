//! What is seen of long work while it goes on: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::exit::Failure;

/// The bar is drawn anew this often.
const BAR_INTERVAL: Duration = Duration::from_millis(200);
/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// What is seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What is done.
    pub done: u64,
    /// What there is to do.
    pub of: u64,
    /// What became of it, for people.
    pub message: String,
}

/// The way to show progress on standard error.
#[derive(Debug, Clone)]
pub struct Display {
    /// What is counted, such as `events read`.
    unit: &'static str,
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Display {
    /// Counts in this unit: `events read`.
    pub fn new(unit: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(&template(unit)).expect("the template is well formed");
            ProgressBar::new(0).with_style(style)
        });
        Self { unit, bar }
    }

    /// Where the log goes: to standard error, above the bar.
    pub fn log_writer(&self) -> impl Fn() -> AboveBar + Send + Sync + 'static {
        let bar = self.bar.clone();
        move || AboveBar(bar.clone())
    }

    /// Shows what `look` sees until `work` is done, and gives what came of it.
    pub async fn during<T>(
        self,
        work: impl Future<Output = T>,
        look: impl Fn() -> Seen + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let ended = CancellationToken::new();
        let shown = tokio::spawn(self.show(look, ended.clone()));
        let outcome = work.await;
        ended.cancel();
        shown
            .await
            .context("the display of the progress failed")
            .map_err(Failure::Internal)?;
        Ok(outcome)
    }

    /// Shows what `look` sees until `ended`.
    async fn show(self, look: impl Fn() -> Seen, ended: CancellationToken) {
        let interval = match self.bar {
            Some(_) => BAR_INTERVAL,
            None => LINE_INTERVAL,
        };
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, when there is nothing to see.
        ticks.tick().await;
        loop {
            tokio::select! {
                biased;
                () = ended.cancelled() => break,
                _ = ticks.tick() => self.draw(look()),
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn draw(&self, seen: Seen) {
        let Some(bar) = &self.bar else {
            eprintln!("{} of {} {}, {}", seen.done, seen.of, self.unit, seen.message);
            return;
        };
        bar.set_length(seen.of);
        bar.set_position(seen.done);
        bar.set_message(seen.message);
    }
}

fn template(unit: &str) -> String {
    format!("{{bar:32}} {{human_pos}} of {{human_len}} {unit}, {{eta}} left\n{{wide_msg}}")
}

/// Writes to standard error, above the bar if there is one.
pub struct AboveBar(Option<ProgressBar>);

impl Write for AboveBar {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Some(bar) => bar.suspend(|| io::stderr().write(buffer)),
            None => io::stderr().write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(&template("events read")).is_ok());
    }
}
