//! A target at work towards an address, and what its receiver got.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use hub2siem::deliver::syslog::{self, Settings, Syslog};
use tokio::sync::watch;

use super::lines::number;
use super::peers::Record;
use super::stage::{Stage, TARGET};

/// A stage whose workers are those of a `syslog` target.
pub struct Bench {
    pub stage: Stage,
    /// Where a reload would put new settings.
    pub settings: watch::Sender<Settings>,
}

/// Settings for the receiver at `port` of this machine; `options` are further lines of YAML.
pub fn settings(port: u16, options: impl Display) -> Settings {
    let yaml = format!("address: 'localhost:{port}'\n{options}\n");
    let options: Syslog = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    settings
}

impl Bench {
    pub fn start(settings: Settings) -> Self {
        let (sender, live) = watch::channel(settings);
        Self {
            stage: Stage::start(|records, context| syslog::run(live, records, context)),
            settings: sender,
        }
    }

    pub async fn delivered(&self, count: usize) {
        self.stage
            .until("delivered", |stage| stage.settled() == count)
            .await;
    }

    pub fn reconnects(&self) -> u64 {
        let reconnects = &self.stage.metrics.deliver_reconnects_total;
        reconnects.with_label_values(&[TARGET]).get()
    }
}

/// How often each number of the stage's own records came.
pub fn numbers(records: &[Record]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(number(record)).or_default() += 1;
    }
    counts
}
