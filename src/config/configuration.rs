//! The settings the program trusts: every option parsed, every name resolved, every secret read.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use governor::Quota;
use url::Url;

use super::check;
use super::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use super::event_hub::Start;
use super::file::{File, Log, Reload};
use super::fingerprint::Fingerprint;
use super::options::Options;
use super::reloadable::Sources;
use super::target::{OnMapError, Snapshots};
use super::yaml::{self, Node};
use crate::checkpoint::{blob, checkpointer};
use crate::credential::TokenSource;
use crate::deliver::{
    azure_monitor, dead_letter, elasticsearch, file, http, http_batch, kafka, relp, splunk_hec, syslog,
};
use crate::event::RecordField;
use crate::eventhub::HubSettings;
use crate::map::MappingSet;
use crate::proxy;
use crate::route::Route;
use crate::route::ten_thousandths::TenThousandths;

/// Bytes of the configuration file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A checked configuration.
#[derive(Debug)]
pub struct Configuration {
    /// How to reach the hub; its consumer group is that of [`Configuration::default_group`].
    pub hub: HubSettings,
    /// The identity of Microsoft Entra ID that hub and targets share, if there is one.
    pub credential: Option<TokenSource>,
    /// The proxy that leads out, if there is one.
    pub proxy: Option<Arc<proxy::Settings>>,
    /// Where to start without a checkpoint.
    pub start: Start,
    /// The consumer group of targets that name none.
    pub default_group: Arc<str>,
    /// Where the checkpoints are kept.
    pub checkpoint: CheckpointSettings,
    /// Directory of what is remembered besides positions.
    pub state_directory: PathBuf,
    /// Items remembered for each target.
    pub state_items: usize,
    /// How dead letters are kept.
    pub dead_letter: dead_letter::config::Settings,
    /// Events of a consumer group that may be in flight.
    pub window_events: usize,
    /// Bytes of a consumer group that may be held.
    pub window_bytes: usize,
    /// How long a stop may take.
    pub grace_period: Duration,
    /// Threads that read, map and send.
    pub worker_threads: NonZeroUsize,
    /// How long the hub keeps events, if known.
    pub retention: Option<Duration>,
    /// The longest time between two events that is normal, if known.
    pub expect_event_every: Option<Duration>,
    /// Where metrics and health are served.
    pub http: SocketAddr,
    /// The log.
    pub log: Log,
    /// How often things are done that nothing triggers; not in the file.
    pub intervals: Intervals,
    /// Whether changed files are taken over by themselves.
    pub reload: Reload,
    /// The options of the file, for a comparison with those of a changed one.
    pub options: Options,
    /// What stood in the files it refers to, just before they were read.
    pub fingerprint: Fingerprint,
    /// The targets in name order.
    pub targets: Vec<TargetConfiguration>,
}

/// Where checkpoints are kept.
#[derive(Debug, Clone)]
pub enum CheckpointSettings {
    /// On a local disk, for one process.
    File {
        /// Directory of the checkpoints.
        directory: PathBuf,
    },
    /// In a container that several processes share.
    Blob(Box<blob::Settings>),
}

impl CheckpointSettings {
    /// The blob store, if it is one.
    pub fn blob(&self) -> Option<&blob::Settings> {
        match self {
            Self::File { .. } => None,
            Self::Blob(settings) => Some(settings),
        }
    }
}

/// How often things are done that nothing triggers. Fixed for operators; a test that waits for them shortens them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// The hub is asked for new partitions.
    pub partitions: Duration,
    /// Marks that moved are stored.
    pub checkpoints: Duration,
    /// A partition without events is asked for its newest one: nothing else tells the lag then.
    pub idle: Duration,
    /// A link brings nothing although the hub has newer events, and is given up.
    pub stuck: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            partitions: Duration::from_secs(300),
            checkpoints: checkpointer::INTERVAL,
            idle: Duration::from_secs(60),
            stuck: Duration::from_secs(60),
        }
    }
}

/// A checked target.
#[derive(Debug, Clone)]
pub struct TargetConfiguration {
    /// Its name.
    pub name: Arc<str>,
    /// The consumer group that feeds it.
    pub consumer_group: Arc<str>,
    /// What it is.
    pub settings: TargetSettings,
    /// What renders its records.
    pub mapping: Arc<MappingSet>,
    /// What renders a record that `mapping` cannot, where that is wanted.
    pub native: Arc<MappingSet>,
    /// Which records it wants; `None`: every one.
    pub route: Option<Arc<Route>>,
    /// What it gets of the weekly snapshots.
    pub snapshots: Snapshots,
    /// The least change of a score that its snapshot is wanted for.
    pub score_change_at_least: Option<TenThousandths>,
    /// What happens to a record the map cannot render.
    pub on_map_error: OnMapError,
    /// The most records it gets in a time.
    pub rate: Option<Quota>,
    /// Whether its records go to the dead letters in place of the target.
    pub is_given_up: bool,
}

/// Settings by target kind.
#[derive(Debug, Clone)]
pub enum TargetSettings {
    /// Splunk HTTP Event Collector.
    SplunkHec(Box<splunk_hec::Settings>),
    /// Any address that takes records by HTTP.
    Http(Box<http::Settings>),
    /// Elasticsearch or OpenSearch.
    Elasticsearch(Box<elasticsearch::Settings>),
    /// Custom tables of a Log Analytics workspace.
    AzureMonitor(Box<azure_monitor::Settings>),
    /// A receiver of syslog.
    Syslog(Box<syslog::Settings>),
    /// Syslog over RELP.
    Relp(Box<relp::Settings>),
    /// Apache Kafka.
    Kafka(Box<kafka::Settings>),
    /// JSON lines.
    File(file::Settings),
}

impl TargetSettings {
    /// What of [`Details`](crate::event::Details) its workers need of each record.
    pub fn wanted_details(&self) -> &'static [RecordField] {
        match self {
            Self::Kafka(settings) => kafka::message::wanted_details(settings.key),
            Self::Syslog(_) | Self::Relp(_) => &[RecordField::Severity],
            Self::SplunkHec(_)
            | Self::Http(_)
            | Self::Elasticsearch(_)
            | Self::AzureMonitor(_)
            | Self::File(_) => &[],
        }
    }

    /// Whether its form has a place for JSON only, so that lines of CEF or LEEF cannot stand in it.
    pub fn needs_json(&self) -> bool {
        match self {
            Self::Elasticsearch(_) | Self::AzureMonitor(_) => true,
            Self::Http(settings) => settings.format == http::config::Format::JsonArray,
            Self::SplunkHec(_) | Self::Kafka(_) | Self::Syslog(_) | Self::Relp(_) | Self::File(_) => false,
        }
    }

    /// Whether records may be shortened that only CEF and LEEF can be.
    pub fn truncates(&self) -> bool {
        match self {
            Self::Syslog(settings) => settings.line.is_always_truncated(),
            Self::Relp(settings) => settings.line.is_always_truncated(),
            Self::SplunkHec(_)
            | Self::Kafka(_)
            | Self::Http(_)
            | Self::Elasticsearch(_)
            | Self::AzureMonitor(_)
            | Self::File(_) => false,
        }
    }

    /// Gets its tokens from `current` from now on, where it got them from another source of the same.
    pub fn share_credential(&mut self, current: &TokenSource) {
        if let Self::AzureMonitor(settings) = self {
            settings.share_credential(current);
        }
    }

    /// Reaches its peer by `proxy` from now on, if it speaks HTTP. Errors: an address that cannot be reached so.
    pub fn lead_through(&mut self, proxy: Option<&Arc<proxy::Settings>>) -> Result<(), Url> {
        let (urls, place) = match self {
            Self::SplunkHec(settings) => settings.way(),
            Self::Http(settings) => settings.sending.way(),
            Self::Elasticsearch(settings) => settings.sending.way(),
            Self::AzureMonitor(settings) => settings.sending.way(),
            Self::Syslog(_) | Self::Relp(_) | Self::Kafka(_) | Self::File(_) => return Ok(()),
        };
        *place = proxy.cloned();
        match proxy.and_then(|proxy| urls.iter().find(|url| proxy.refuses(url))) {
            Some(url) => Err(url.clone()),
            None => Ok(()),
        }
    }

    /// What the kinds with batches by HTTP have in common, if it is one of them.
    pub fn http_batch(&self) -> Option<&http_batch::Settings> {
        match self {
            Self::Http(settings) => Some(&settings.sending),
            Self::Elasticsearch(settings) => Some(&settings.sending),
            Self::AzureMonitor(settings) => Some(&settings.sending),
            Self::SplunkHec(_) | Self::Kafka(_) | Self::Syslog(_) | Self::Relp(_) | Self::File(_) => None,
        }
    }
}

impl TargetConfiguration {
    /// Whether it keeps the positions of its consumer group together with the records.
    pub fn keeps_positions(&self) -> bool {
        let keeps =
            matches!(&self.settings, TargetSettings::Kafka(settings) if settings.exactly_once.is_some());
        keeps && !self.is_given_up
    }
}

impl Configuration {
    /// The consumer groups that are read, in name order.
    pub fn groups(&self) -> BTreeSet<Arc<str>> {
        self.targets
            .iter()
            .map(|target| Arc::clone(&target.consumer_group))
            .collect()
    }

    /// The group that sees to unknown records no route takes: the default one, or the first if no target uses that.
    pub fn unrouted_group(&self) -> Option<Arc<str>> {
        let groups = self.groups();
        groups
            .get(&self.default_group)
            .or_else(|| groups.first())
            .cloned()
    }
}

/// Reads and checks the file at `path`, and the mappings it names. Every problem is reported, not only the first.
pub fn load(path: &Path) -> Result<(Configuration, Diagnostics), Diagnostics> {
    let file = read_file(path)?;
    load_text(&file)
}

/// Like [`load`], for a text at hand.
pub fn load_text(file: &SourceFile) -> Result<(Configuration, Diagnostics), Diagnostics> {
    let (node, written) = parse(file)?;
    check::check(file, &node, &written)
}

/// What the file at `path` refers to, whether or not that can be used.
pub fn sources(path: &Path) -> Result<Sources, Diagnostics> {
    let file = read_file(path)?;
    let (node, _) = parse(&file)?;
    Ok(Sources::of(&Options::read(&file, &node)))
}

/// The address of `/readyz` in the file at `path`; needs nothing else of it, no secret and no mapping.
pub fn http_address(path: &Path) -> Result<SocketAddr, Diagnostics> {
    Ok(parse(&read_file(path)?)?.1.http.listen)
}

/// The folder of mappings that the file at `path` names, if it does; needs no secret, and reads no mapping.
pub fn mappings_directory(path: &Path) -> Result<Option<PathBuf>, Diagnostics> {
    let written = parse(&read_file(path)?)?.1;
    Ok(written.mappings_directory.map(|directory| directory.value))
}

/// The directory of dead letters that the file at `path` names; needs no secret, and reads no mapping.
pub fn dead_letter_directory(path: &Path) -> Result<PathBuf, Diagnostics> {
    Ok(parse(&read_file(path)?)?.1.dead_letter.file.directory)
}

/// The directory for state that the file at `path` names; needs no secret, and reads no mapping.
pub fn state_directory(path: &Path) -> Result<PathBuf, Diagnostics> {
    Ok(super::check::state_directory(&parse(&read_file(path)?)?.1))
}

fn parse(file: &SourceFile) -> Result<(Node, File), Diagnostics> {
    let node = yaml::parse(file)?;
    let written = yaml::read(file, &node)?;
    Ok((node, written))
}

fn read_file(path: &Path) -> Result<SourceFile, Diagnostics> {
    let name = path.display().to_string();
    match read_text(path) {
        Ok(text) => Ok(SourceFile {
            name: name.into(),
            text: text.into(),
        }),
        Err(error) => {
            let message = format!("failed to read the configuration file `{name}`: {error}");
            Err(Diagnostic::new("config::file", message)
                .help("name it with `--config PATH`; README.md shows the smallest working file")
                .into())
        }
    }
}

/// A device or a dump in place of the file must not fill memory.
fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {MAX_FILE_BYTES} bytes"
        )));
    }
    Ok(text)
}
