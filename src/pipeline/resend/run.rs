//! A replay of dead letters from its start to its end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::{Account, Plan, Report, settle};
use crate::acknowledge::Window;
use crate::cli::exit::Failure;
use crate::config::{Configuration, TargetConfiguration};
use crate::deliver::Context;
use crate::deliver::dead_letter::done::MarkWriter;
use crate::deliver::dead_letter::{DeadLetters, Entry, Request};
use crate::durable::line_file;
use crate::pipeline::bridge::{ALLOCATOR_FRACTION, CLOSE_TIMEOUT};
use crate::pipeline::replay::{check_file, target};
use crate::pipeline::workers;
use crate::telemetry::{Metrics, TargetHealth};

/// Letters on their way at a time, of all targets; what a kill sends twice is at most that.
const MAX_LETTERS: usize = 10_000;

/// Records that may wait for the workers of a target.
const MAX_WAITING_RECORDS: usize = 1_000;

/// How letters are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The target they go to in place of the one they name.
    pub target: Option<Arc<str>>,
    /// The most letters in a time, besides the targets' own `rate`.
    pub rate: Option<Quota>,
}

/// A replay that is planned and not running yet. It holds the lock of the done marks.
pub struct Resend {
    configuration: Configuration,
    plan: Plan,
    rate: Option<Quota>,
    marks: MarkWriter,
    metrics: Arc<Metrics>,
    health: Vec<(Arc<str>, Arc<TargetHealth>)>,
    account: Arc<Account>,
}

impl Resend {
    /// Takes the lock, then decides what is sent. Nothing is sent yet. Blocks.
    ///
    /// Errors: another replay or purge is at work, the directory cannot be read, a target cannot be sent to.
    pub fn open(
        directory: &Path,
        configuration: Configuration,
        settings: &Settings,
        selects: &dyn Fn(&Entry) -> bool,
    ) -> Result<Self, Failure> {
        if !directory.is_dir() {
            return Err(Failure::State(anyhow!(
                "there is no directory `{}`; name that of the dead letters with `--directory`",
                directory.display()
            )));
        }
        if let Some(name) = &settings.target {
            target(&configuration, name)?;
        }
        let marks = MarkWriter::open(directory).map_err(locked)?;
        let plan = Plan::make(directory, &configuration, settings.target.as_ref(), selects)
            .map_err(|error| Failure::State(error.into()))?;
        let metrics = Arc::new(Metrics::new());
        let mut health = Vec::new();
        for target in plan.targets(&configuration) {
            check_file(target)?;
            let new = Arc::new(TargetHealth::new(&target.name, &metrics));
            health.push((Arc::clone(&target.name), new));
        }
        Ok(Self {
            account: Account::new(&plan, health.clone()),
            configuration,
            plan,
            rate: settings.rate,
            marks,
            metrics,
            health,
        })
    }

    /// What is sent, and what is not.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What becomes of it while it runs.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Runs until every letter has its final word, until `stop` is cancelled and what is on its way is settled or the grace
    /// period is over, or until something cannot go on. The report is there in any case.
    pub async fn run(self, stop: CancellationToken) -> (Report, Result<(), Failure>) {
        let started = Instant::now();
        let account = Arc::clone(&self.account);
        let result = self.run_to_the_end(stop).await;
        (account.report(started.elapsed()), result)
    }

    async fn run_to_the_end(self, stop: CancellationToken) -> Result<(), Failure> {
        let (intake, abandon) = (CancellationToken::new(), CancellationToken::new());
        let grace_period = self.configuration.grace_period;
        // Each target has its share, so that one that takes nothing does not hold up the others.
        let sharers = self.plan.targets.len().max(1);
        let places = (self.configuration.window_events.min(MAX_LETTERS) / sharers).max(1);
        let window_bytes = self.configuration.window_bytes;
        let window_bytes = (window_bytes - window_bytes / ALLOCATOR_FRACTION) / sharers;
        let (settled, settlements) = mpsc::channel(places * sharers);
        let (dead_letters, requests) = DeadLetters::channel();
        let limiter = self.rate.map(DefaultDirectRateLimiter::direct).map(Arc::new);
        let (mut feeders, mut workers) = (JoinSet::new(), JoinSet::new());
        let mut letters = self.plan.targets.clone();
        for target in self.plan.targets(&self.configuration) {
            let (records, queue) = mpsc::channel(MAX_WAITING_RECORDS);
            let context = self.context(target, &dead_letters, &abandon);
            // Nothing is reloaded here, so the way for new settings is not kept.
            drop(workers::spawn(&mut workers, target, queue, None, context));
            let feed = Feed {
                target: target.clone(),
                letters: letters.remove(&target.name).unwrap_or_default(),
                records,
                settled: settled.clone(),
                places: Arc::new(Semaphore::new(places)),
                window: Window::new(places, window_bytes),
                limiter: limiter.clone(),
                account: Arc::clone(&self.account),
                in_flight: self
                    .metrics
                    .deliver_in_flight_records
                    .with_label_values(&[&*target.name]),
                intake: intake.clone(),
            };
            feeders.spawn(feed.run());
        }
        // The marker ends after the last record, and the listener after the last worker.
        drop((settled, dead_letters));
        let work = Work {
            feeders,
            workers,
            listener: tokio::spawn(listen(requests, Arc::clone(&self.account))),
            marker: tokio::spawn(settle::run(self.marks, settlements, Arc::clone(&self.account))),
        };
        work.run(&stop, &intake, &abandon, grace_period).await
    }

    fn context(
        &self,
        target: &TargetConfiguration,
        dead_letters: &DeadLetters,
        abandon: &CancellationToken,
    ) -> Context {
        let health = self.health.iter().find(|(name, _)| *name == target.name);
        Context {
            target: Arc::clone(&target.name),
            hub: self.configuration.hub.hub.clone(),
            consumer_group: Arc::clone(&target.consumer_group),
            dead_letters: dead_letters.clone(),
            metrics: Arc::clone(&self.metrics),
            health: Arc::clone(&health.expect("each target of the plan has one").1),
            abandon: abandon.clone(),
        }
    }
}

impl Plan {
    /// The targets that letters go to.
    fn targets<'p>(
        &'p self,
        configuration: &'p Configuration,
    ) -> impl Iterator<Item = &'p TargetConfiguration> {
        let targets = configuration.targets.iter();
        targets.filter(|target| self.targets.contains_key(&target.name))
    }
}

/// Hears what targets say of records they refuse. Their letters are there already, so nothing is written.
async fn listen(mut requests: mpsc::Receiver<Request>, account: Arc<Account>) {
    while let Some(Request { letters, written }) = requests.recv().await {
        for letter in letters {
            if let (Some(target), Some(event_id)) = (letter.target, letter.event_id) {
                account.said(target, event_id, letter.reason, letter.detail);
            }
        }
        // Who asked may be gone, because it was abandoned.
        let _is_heard = written.send(()).is_ok();
    }
}

/// The tasks of a replay.
struct Work {
    feeders: JoinSet<()>,
    workers: JoinSet<()>,
    listener: JoinHandle<()>,
    marker: JoinHandle<Result<(), line_file::Error>>,
}

impl Work {
    /// Waits for all of them: for as long as the targets take, after the stop for the grace period at most.
    async fn run(
        self,
        stop: &CancellationToken,
        intake: &CancellationToken,
        abandon: &CancellationToken,
        grace_period: Duration,
    ) -> Result<(), Failure> {
        let Self {
            mut feeders,
            mut workers,
            listener,
            mut marker,
        } = self;
        let mut ended = std::pin::pin!(async {
            let mut result = Ok(());
            while let Some(ended) = feeders.join_next().await {
                result = result.and(ended.map_err(Failure::of_task("a reader of letters failed")));
            }
            while let Some(ended) = workers.join_next().await {
                result = result.and(ended.map_err(Failure::of_task("a worker of a target failed")));
            }
            result.and(
                listener
                    .await
                    .map_err(Failure::of_task("the listener to refusals failed")),
            )
        });
        let patience = async {
            stop.cancelled().await;
            intake.cancel();
            tokio::time::sleep(grace_period).await;
        };
        let result = tokio::select! {
            result = &mut ended => result,
            marked = &mut marker => {
                let marked = marked_result(marked);
                if marked.is_err() {
                    // Nothing more can be marked, so nothing more is sent.
                    intake.cancel();
                    abandon.cancel();
                }
                // Otherwise every ticket is gone, and the others have nothing to wait for.
                let ended = tokio::time::timeout(CLOSE_TIMEOUT, ended).await.unwrap_or(Ok(()));
                return marked.and(ended);
            }
            () = patience => {
                tracing::warn!(
                    grace_period_seconds = grace_period.as_secs(),
                    "the grace period is over; what is not settled stays for another replay"
                );
                abandon.cancel();
                match tokio::time::timeout(CLOSE_TIMEOUT, ended).await {
                    Ok(result) => result,
                    Err(_) => {
                        tracing::warn!("some tasks did not end in time and are cut off");
                        Ok(())
                    }
                }
            }
        };
        match tokio::time::timeout(CLOSE_TIMEOUT, marker).await {
            Ok(marked) => result.and(marked_result(marked)),
            Err(_) => result,
        }
    }
}

fn marked_result(
    marked: Result<Result<(), line_file::Error>, tokio::task::JoinError>,
) -> Result<(), Failure> {
    let written = marked.map_err(Failure::of_task("the marker failed"))?;
    written.map_err(|error| Failure::State(error.into()))
}

fn locked(error: line_file::Error) -> Failure {
    let is_locked = matches!(error, line_file::Error::Locked { .. });
    let error = anyhow::Error::from(error);
    Failure::State(match is_locked {
        true => error.context("another replay or purge of these dead letters is at work"),
        false => error,
    })
}
