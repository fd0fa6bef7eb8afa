//! What is seen of a replay while it runs: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::pipeline::replay::Progress;
use crate::pipeline::replay::progress::Totals;

/// The bar is drawn anew this often.
const BAR_INTERVAL: Duration = Duration::from_millis(200);
/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

const TEMPLATE: &str = "{bar:32} {human_pos} of {human_len} events, {eta} left\n{wide_msg}";

/// The way to show progress on standard error.
#[derive(Debug, Clone)]
pub(super) struct Display {
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Display {
    pub(super) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
            ProgressBar::new(0).with_style(style)
        });
        Self { bar }
    }

    /// Where the log goes: to standard error, above the bar.
    pub(super) fn log_writer(&self) -> impl Fn() -> AboveBar + Send + Sync + 'static {
        let bar = self.bar.clone();
        move || AboveBar(bar.clone())
    }

    /// Shows `progress` until `ended`.
    pub(super) async fn show(self, progress: Arc<Progress>, ended: CancellationToken) {
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
                _ = ticks.tick() => self.draw(&progress.totals()),
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn draw(&self, totals: &Totals) {
        let Some(bar) = &self.bar else {
            eprintln!("{}", line(totals));
            return;
        };
        bar.set_length(totals.events_expected);
        bar.set_position(totals.events);
        bar.set_message(records(totals));
    }
}

/// Writes to standard error, above the bar if there is one.
pub(super) struct AboveBar(Option<ProgressBar>);

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

fn line(totals: &Totals) -> String {
    format!(
        "{} of {} events read, {}",
        totals.events,
        totals.events_expected,
        records(totals)
    )
}

fn records(totals: &Totals) -> String {
    let blocked = totals
        .blocked
        .as_ref()
        .map(|why| format!("; the target is blocked by {why}"));
    format!(
        "{} records delivered, {} rejected{}",
        totals.delivered,
        totals.rejected,
        blocked.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_it_is() {
        let totals = Totals {
            events: 12,
            events_expected: 40,
            delivered: 11,
            rejected: 1,
            blocked: None,
        };
        assert_eq!(
            line(&totals),
            "12 of 40 events read, 11 records delivered, 1 rejected"
        );
        let blocked = Totals {
            blocked: Some("authorization: HTTP 403".to_owned()),
            ..totals
        };
        assert_eq!(
            line(&blocked),
            "12 of 40 events read, 11 records delivered, 1 rejected; the target is blocked by authorization: HTTP 403"
        );
    }

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
