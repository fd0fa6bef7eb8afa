//! A target of kind `relp` on its stage.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use hub2siem::deliver::relp::{self, Relp, Settings};
use tokio::sync::watch;

use super::lines::number;
use super::peers::Record;
use super::stage::{Account, Stage};

/// A target at work.
pub struct Bench {
    stage: Stage,
    /// Where the target hears of new settings.
    pub settings: watch::Sender<Settings>,
}

/// Checked options; `lines` are added.
pub fn settings(address: &str, lines: &str) -> Settings {
    let yaml = format!("address: {address}\n{lines}\n");
    let options: Relp = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    settings
}

impl Bench {
    /// A target for the receiver at `address`.
    pub fn start(address: SocketAddr, lines: &str) -> Self {
        Self::with(settings(&address.to_string(), lines))
    }

    /// A target with these settings.
    pub fn with(settings: Settings) -> Self {
        let (settings, received) = watch::channel(settings);
        Self {
            stage: Stage::start(|records, context| relp::run(received, records, context)),
            settings,
        }
    }

    /// Ends the queue and gives back what became of each record.
    pub async fn close(self) -> Account {
        self.stage.close().await
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

/// Every number up to `count` came at least once; gives how many came more than once.
pub fn all_came(records: &[Record], count: i64) -> usize {
    let numbers: BTreeSet<i64> = records.iter().map(number).collect();
    let missing: Vec<i64> = (0..count).filter(|number| !numbers.contains(number)).collect();
    assert!(
        missing.is_empty(),
        "{} of {count} did not come: {missing:?}",
        missing.len()
    );
    assert_eq!(numbers.len(), count as usize, "nothing came that was not sent");
    records.len() - numbers.len()
}

/// 1 while there is a session.
pub fn connected(stage: &Stage) -> i64 {
    let connected = &stage.metrics.deliver_connected;
    connected.with_label_values(&["soc"]).get()
}

/// Sessions that ended or did not begin.
pub fn tries(stage: &Stage) -> u64 {
    let reasons = [
        "tls",
        "connection_lost",
        "connect",
        "blocked",
        "timeout",
        "surprise",
    ];
    reasons.iter().map(|reason| stage.retried(reason)).sum()
}
