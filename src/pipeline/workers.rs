//! The workers of each target: how they are started, and how they hear of new settings.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{TargetConfiguration, TargetSettings};
use crate::deliver::kafka::exactly_once;
use crate::deliver::rate::{self, MAX_PASSED_RECORDS};
use crate::deliver::{
    Context, azure_monitor, elasticsearch, file, given_up, http, http_batch, kafka, relp, splunk_hec, syslog,
};
use crate::event::Rendered;

/// Where the workers of a target hear of new settings while they run.
#[derive(Debug)]
pub enum Live {
    /// Those of `splunk_hec`.
    SplunkHec(watch::Sender<splunk_hec::Settings>),
    /// Those of every kind with batches by HTTP.
    HttpBatch(watch::Sender<http_batch::Settings>),
    /// Those of `syslog`.
    Syslog(watch::Sender<syslog::Settings>),
    /// Those of `relp`.
    Relp(watch::Sender<relp::Settings>),
}

impl Live {
    /// Tells the workers. `new` is of the same kind: another one needs a restart.
    pub fn replace(&self, new: &TargetSettings) {
        match (self, new) {
            (Live::SplunkHec(sender), TargetSettings::SplunkHec(settings)) => {
                sender.send_replace((**settings).clone());
            }
            (Live::HttpBatch(sender), settings) => {
                if let Some(settings) = settings.http_batch() {
                    sender.send_replace(settings.clone());
                }
            }
            (Live::Syslog(sender), TargetSettings::Syslog(settings)) => {
                sender.send_replace((**settings).clone());
            }
            (Live::Relp(sender), TargetSettings::Relp(settings)) => {
                sender.send_replace((**settings).clone());
            }
            (Live::SplunkHec(_) | Live::Syslog(_) | Live::Relp(_), _) => {}
        }
    }
}

/// Starts the workers of a target; where they take new settings while they run, gives the way to tell them. `requests` come
/// from the readers whose positions the target keeps, if it does.
pub fn spawn(
    workers: &mut JoinSet<()>,
    target: &TargetConfiguration,
    records: mpsc::Receiver<Rendered>,
    requests: Option<exactly_once::Requests>,
    context: Context,
) -> Option<Live> {
    if target.is_given_up {
        workers.spawn(given_up::run(records, context));
        return None;
    }
    let records = match target.rate {
        Some(quota) => {
            let (passed, records_passed) = mpsc::channel(MAX_PASSED_RECORDS);
            workers.spawn(rate::limit(quota, records, passed, context.clone()));
            records_passed
        }
        None => records,
    };
    match target.settings.clone() {
        TargetSettings::SplunkHec(settings) => {
            let (sender, settings) = watch::channel(*settings);
            workers.spawn(splunk_hec::run(settings, records, context));
            Some(Live::SplunkHec(sender))
        }
        TargetSettings::Http(settings) => {
            let protocol = http::Post::new(&settings);
            spawn_http_batch(workers, protocol, settings.sending, records, context)
        }
        TargetSettings::Elasticsearch(settings) => {
            let protocol = elasticsearch::Bulk::new(&settings, &context.hub);
            spawn_http_batch(workers, protocol, settings.sending, records, context)
        }
        TargetSettings::AzureMonitor(settings) => {
            let protocol = azure_monitor::Ingestion::new(&settings, &context.hub);
            spawn_http_batch(workers, protocol, settings.sending, records, context)
        }
        TargetSettings::Syslog(settings) => {
            let (sender, settings) = watch::channel(*settings);
            workers.spawn(syslog::run(settings, records, context));
            Some(Live::Syslog(sender))
        }
        TargetSettings::Relp(settings) => {
            let (sender, settings) = watch::channel(*settings);
            workers.spawn(relp::run(settings, records, context));
            Some(Live::Relp(sender))
        }
        TargetSettings::Kafka(settings) => {
            match (settings.exactly_once.clone(), requests) {
                (Some(options), Some(requests)) => {
                    workers.spawn(exactly_once::run(*settings, options, records, requests, context));
                }
                // A replay sends again on purpose: it leaves the positions, and what is written by them, alone.
                _ => {
                    workers.spawn(kafka::run(*settings, records, context));
                }
            }
            None
        }
        TargetSettings::File(settings) => {
            workers.spawn(file::run(settings, records, context));
            None
        }
    }
}

fn spawn_http_batch(
    workers: &mut JoinSet<()>,
    protocol: impl http_batch::Protocol + Sync,
    settings: http_batch::Settings,
    records: mpsc::Receiver<Rendered>,
    context: Context,
) -> Option<Live> {
    let (sender, settings) = watch::channel(settings);
    workers.spawn(http_batch::run(protocol, settings, records, context));
    Some(Live::HttpBatch(sender))
}
