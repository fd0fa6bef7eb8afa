//! The task that takes over changed files: hears of them, reads them, exchanges the configuration, and says how it went.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::exchange::{Exchange, Exchanged};
use super::places::Places;
use super::watch::Watch;
use crate::config::fingerprint::Fingerprint;
use crate::config::reloadable::Sources;
use crate::config::{self, Configuration, Diagnostic, Diagnostics};
use crate::telemetry::{Metrics, Readiness};

/// Where the configuration is read from again.
#[derive(Debug, Clone)]
pub struct Source {
    /// The configuration file.
    pub path: PathBuf,
    /// Told when somebody asks for a reload, as by SIGHUP.
    pub asked: Arc<Notify>,
}

/// Keeps a running bridge in step with its files.
pub struct Reloader {
    source: Source,
    exchange: Exchange,
    watch: Watch,
    /// The files as they were read last, whether or not they could be used.
    seen: Option<Fingerprint>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

/// Why files are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Something may have changed.
    Changed,
    /// Somebody asked.
    Asked,
}

impl Reloader {
    /// For a bridge whose configuration `exchange` holds, as it was read from `source`.
    pub fn new(source: Source, exchange: Exchange, metrics: Arc<Metrics>, readiness: Arc<Readiness>) -> Self {
        let Configuration {
            fingerprint, options, ..
        } = exchange.current();
        let seen = fingerprint.clone().with_text(&source.path, &options.file.text);
        Self {
            source,
            exchange,
            watch: Watch::default(),
            seen: Some(seen),
            metrics,
            readiness,
        }
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            Err(error) = self.work() => {
                tracing::error!(error = &*error as &dyn std::error::Error, "changed files are no longer taken over");
            }
        }
    }

    async fn work(&mut self) -> anyhow::Result<()> {
        if self.exchange.current().reload.watch {
            // What changed before the watch begins is found now.
            self.reload(Cause::Changed).await?;
        }
        loop {
            let cause = tokio::select! {
                biased;
                () = self.source.asked.notified() => Cause::Asked,
                () = self.watch.changed() => Cause::Changed,
            };
            self.reload(cause).await?;
        }
    }

    async fn reload(&mut self, cause: Cause) -> anyhow::Result<()> {
        let sources = self.watch().await?;
        let path = self.source.path.clone();
        let seen = (cause == Cause::Changed).then(|| self.seen.take()).flatten();
        let reading = tokio::task::spawn_blocking(move || {
            // Hashed before it is read: what changes in between is heard of, and then differs from this.
            let now = Fingerprint::of(&sources).with(&path);
            let loaded = (seen.as_ref() != Some(&now)).then(|| config::load(&path));
            (now, loaded)
        });
        let (seen, loaded) = reading.await.context("reading the configuration failed")?;
        self.seen = Some(seen);
        match loaded {
            Some(loaded) => self.exchange(loaded),
            None => tracing::debug!("the files are as they were when they were read last"),
        }
        Ok(())
    }

    /// Watches what the configuration in use refers to, and what the file refers to now, which may be missing or wrong.
    async fn watch(&mut self) -> anyhow::Result<Sources> {
        let path = self.source.path.clone();
        let mut sources = Sources::of(&self.exchange.current().options);
        let finding = tokio::task::spawn_blocking(move || {
            if let Ok(named) = config::sources(&path) {
                sources.add(named);
            }
            (Places::of(&path, &sources), sources)
        });
        let (places, sources) = finding.await.context("finding the folders to watch failed")?;
        if self.exchange.current().reload.watch {
            self.watch.follow(places).await;
        }
        Ok(sources)
    }

    fn exchange(&mut self, loaded: Result<(Configuration, Diagnostics), Diagnostics>) {
        let (new, warnings) = match loaded {
            Ok(loaded) => loaded,
            Err(problems) => return self.refused("invalid", &problems),
        };
        let result = match self.exchange.apply(new) {
            Err(problems) => return self.refused("needs_restart", &problems),
            Ok(Exchanged::Applied { edition, changed }) => {
                if !warnings.0.is_empty() {
                    tracing::warn!(details = %warnings, "the changed files can be used, but should be looked at");
                }
                tracing::info!(edition, changed = changed.join(", "), "changed files are in use");
                "applied"
            }
            Ok(Exchanged::Unchanged) => {
                tracing::debug!("the files say what is in use already");
                "unchanged"
            }
        };
        self.count(result);
        self.metrics.config_last_reload_successful.set(1);
        if self.readiness.reload_refused(Vec::new()) {
            tracing::info!("the files can be used again");
        }
    }

    fn refused(&self, result: &'static str, problems: &Diagnostics) {
        tracing::error!(details = %problems, "changed files are not taken over; what was in use stays in use");
        self.count(result);
        self.metrics.config_last_reload_successful.set(0);
        let errors = problems.0.iter().filter(|problem| !problem.is_warning);
        self.readiness
            .reload_refused(errors.map(Diagnostic::summary).collect());
    }

    fn count(&self, result: &'static str) {
        self.metrics
            .config_reloads_total
            .with_label_values(&[result])
            .inc();
    }
}
