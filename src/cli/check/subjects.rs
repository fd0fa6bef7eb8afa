//! What `check --connect` tries: the hub, where positions and dead letters are kept, and each target.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesOrdered;

use crate::checkpoint::blob;
use crate::checkpoint::file::Scope;
use crate::config::configuration::{CheckpointSettings, TargetConfiguration};
use crate::config::{Configuration, TargetSettings};
use crate::deliver::{azure_monitor, elasticsearch, file, http, kafka, relp, splunk_hec, syslog};
use crate::durable::directory;
use crate::durable::retry::chain;
use crate::event::Hub;
use crate::eventhub::probe::probe;
use crate::finding::{Finding, Problem, Verdict};

/// How long one subject may take. A login by `az` alone may take a minute.
const LIMIT: Duration = Duration::from_secs(90);

const FIX_DIRECTORY: &str = "make the directory, and let the user of the bridge write there";

/// Everything that is tried, at the same time; by name, with what was found.
pub(super) fn all(configuration: &Configuration) -> FuturesOrdered<BoxFuture<'_, (String, Vec<Finding>)>> {
    let mut subjects = FuturesOrdered::new();
    let groups = configuration.groups();
    let hub = async move {
        let groups: Vec<_> = groups.into_iter().collect();
        (
            "hub".to_owned(),
            probe(configuration.hub.clone(), &groups, LIMIT).await,
        )
    };
    subjects.push_back(hub.boxed());
    subjects.push_back(async { ("checkpoints".to_owned(), checkpoints(configuration).await) }.boxed());
    let letters = &configuration.dead_letter.file.directory;
    subjects.push_back(async { ("dead letters".to_owned(), vec![writable(letters)]) }.boxed());
    let state = &configuration.state_directory;
    let is_tried =
        matches!(&configuration.checkpoint, CheckpointSettings::File { directory } if directory == state);
    if !is_tried {
        subjects.push_back(async { ("state".to_owned(), vec![writable(state)]) }.boxed());
    }
    for target in &configuration.targets {
        subjects.push_back(one_target(target, &configuration.hub.hub).boxed());
    }
    subjects
}

async fn checkpoints(configuration: &Configuration) -> Vec<Finding> {
    let hub = &configuration.hub;
    match &configuration.checkpoint {
        CheckpointSettings::File { directory } => vec![writable(directory)],
        CheckpointSettings::Blob(settings) => {
            let scope = Scope {
                namespace: &hub.hub.namespace,
                port: hub.own_port(),
                hub: &hub.hub.name,
                consumer_group: &configuration.default_group,
            };
            blob::check::check(settings, scope, LIMIT).await
        }
    }
}

fn writable(path: &Path) -> Finding {
    let since = Instant::now();
    let result = directory::check_writable(path);
    let result = result.map_err(|error| Problem::new(error.to_string(), FIX_DIRECTORY));
    let found = match path.exists() {
        true => "can be written",
        false => "can be made, by the first start",
    };
    Finding::new(
        format!("directory {}", path.display()),
        result.map(|()| found.to_owned()).into(),
        since,
    )
}

async fn one_target(target: &TargetConfiguration, hub: &Hub) -> (String, Vec<Finding>) {
    let what = format!("target {}", target.name);
    let since = Instant::now();
    let one = |verdict| vec![Finding::new("", verdict, since)];
    if target.is_given_up {
        // It is not asked for anything, and may no longer exist.
        let reason = "given up; its records go to the dead letters".to_owned();
        return (what, one(Verdict::Skipped(reason)));
    }
    let tried = tokio::time::timeout(LIMIT, by_kind(&target.settings, hub));
    let findings = tried.await.unwrap_or_else(|_| {
        let cause = format!("no end after {} s", LIMIT.as_secs());
        one(Verdict::Failed(Problem::new(
            cause,
            "see what stands between; something takes connections and does not answer",
        )))
    });
    (what, findings)
}

async fn by_kind(settings: &TargetSettings, hub: &Hub) -> Vec<Finding> {
    match settings {
        TargetSettings::SplunkHec(settings) => splunk_hec::check(settings).await,
        TargetSettings::Http(settings) => http::check(settings).await,
        TargetSettings::Elasticsearch(settings) => elasticsearch::check(settings).await,
        TargetSettings::AzureMonitor(settings) => azure_monitor::check(settings, hub).await,
        TargetSettings::Syslog(settings) => vec![syslog::check(settings).await],
        TargetSettings::Relp(settings) => vec![relp::check(settings).await],
        TargetSettings::Kafka(settings) => kafka::check(settings).await,
        TargetSettings::File(settings) => vec![by_file(settings)],
    }
}

fn by_file(settings: &file::Settings) -> Finding {
    let since = Instant::now();
    let result = file::check(settings).map(|()| "can be written".to_owned());
    let result = result.map_err(|error| Problem::new(chain(&error), FIX_DIRECTORY));
    Finding::new(settings.path.display().to_string(), result.into(), since)
}
