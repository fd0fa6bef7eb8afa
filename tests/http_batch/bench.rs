//! A target of one of the kinds on its stage.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use hub2siem::deliver::elasticsearch::{self, Elasticsearch};
use hub2siem::deliver::http::{self, Http};
use hub2siem::deliver::http_batch::{self, Protocol};
use hub2siem::event::Hub;
use tempfile::NamedTempFile;
use tokio::sync::watch;

use super::http_peer::{Cluster, Peer};
use super::stage::{Account, Stage};

/// Few records in a batch and no waiting.
pub const SMALL: &str = "batch: { records: 10, linger: 20ms }";

/// A target at work.
pub struct Bench {
    stage: Stage,
    /// Where the target hears of new settings.
    pub settings: watch::Sender<http_batch::Settings>,
}

impl Bench {
    /// A target with these settings.
    pub fn with(protocol: impl Protocol + Sync, settings: http_batch::Settings) -> Self {
        let (settings, received) = watch::channel(settings);
        Self {
            stage: Stage::start(|records, context| http_batch::run(protocol, received, records, context)),
            settings,
        }
    }

    /// A target of kind `http`.
    pub fn http(endpoint: &str, lines: &str) -> Self {
        let settings = http_settings(endpoint, lines);
        Self::with(http::Post::new(&settings), settings.sending)
    }

    /// A target of kind `elasticsearch`.
    pub fn elasticsearch(endpoints: &[String], lines: &str) -> Self {
        let settings = elasticsearch_settings(endpoints, lines);
        Self::with(elasticsearch::Bulk::new(&settings, &hub()), settings.sending)
    }

    /// Ends the queue; every record must be delivered, and be in one of the clusters.
    pub async fn delivered_to(self, peers: &[&Peer<Cluster>]) {
        let sent = self.sent() as i64;
        let ids: BTreeSet<String> = (0..sent)
            .map(|number| self.event_id(number).to_string())
            .collect();
        assert_eq!(self.close().await, Account::delivered(sent));
        let there: BTreeSet<String> = peers.iter().flat_map(|peer| peer.receiver().ids()).collect();
        assert_eq!(there, ids);
    }

    /// Ends the queue and gives back what became of each record.
    pub async fn close(self) -> Account {
        self.stage.close().await
    }
}

impl Account {
    /// All records up to `count` are delivered.
    pub fn delivered(count: i64) -> Self {
        Self {
            delivered: (0..count).collect(),
            ..Self::default()
        }
    }
}

impl Deref for Bench {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }
}

/// Checked options of kind `http`.
pub fn http_settings(endpoint: &str, lines: &str) -> http::Settings {
    let yaml = format!("endpoint: {endpoint}\n{lines}\n");
    let options: Http = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = http::Settings::new(&options).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    settings
}

/// Checked options of kind `elasticsearch`.
pub fn elasticsearch_settings(endpoints: &[String], lines: &str) -> elasticsearch::Settings {
    let yaml = format!("endpoints: {endpoints:?}\nindex: mdc\n{lines}\n");
    let options: Elasticsearch = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = elasticsearch::Settings::new(&options).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    settings
}

pub fn hub() -> Hub {
    Hub {
        namespace: "contoso".into(),
        name: "defender".into(),
    }
}

/// A file with this text.
pub fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), text).expect("it can be written");
    file
}
