//! A target between a tracker of events and a receiver, and the account of what became of each record.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use hub2siem::deliver::splunk_hec::{self, Settings, SplunkHec};
use hub2siem::emulator::splunk_hec::{Options, SplunkHecEmulator};
use tokio::sync::watch;

use super::stage::Stage;

pub const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

/// A target at work on its stage.
pub struct Bench {
    stage: Stage,
    /// Where the target hears of new settings.
    pub settings: watch::Sender<Settings>,
}

/// A receiver that keeps what it takes.
pub async fn receiver() -> SplunkHecEmulator {
    SplunkHecEmulator::start(Options {
        keeps_envelopes: true,
        ..Options::local(TOKEN)
    })
    .await
    .expect("a local port can be had")
}

/// The same without acknowledgement.
pub async fn receiver_without_acknowledgement() -> SplunkHecEmulator {
    SplunkHecEmulator::start(Options {
        keeps_envelopes: true,
        has_acknowledgement: false,
        ..Options::local(TOKEN)
    })
    .await
    .expect("a local port can be had")
}

/// A token that no receiver knows until it is told.
pub const OTHER_TOKEN: &str = "22222222-3333-4444-5555-666666666666";

/// The options of a target; `lines` are added.
pub fn settings(endpoints: &[String], lines: &str) -> Settings {
    settings_with(TOKEN, endpoints, lines)
}

/// The same with another token.
pub fn settings_with(secret: &str, endpoints: &[String], lines: &str) -> Settings {
    let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(token.path(), secret).expect("it can be written");
    let yaml = format!(
        "endpoints: {endpoints:?}\ntoken: {{ file: {:?} }}\n{lines}\n",
        token.path()
    );
    let options: SplunkHec = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    settings
}

/// Few records in a batch and no waiting.
pub const SMALL: &str = "batch: { records: 10, linger: 20ms }\nworkers: 1";

impl Bench {
    /// A target for one receiver.
    pub fn start(receiver: &SplunkHecEmulator, lines: &str) -> Self {
        Self::with(settings(&[receiver.endpoint()], lines))
    }

    /// A target with these settings.
    pub fn with(settings: Settings) -> Self {
        let (settings, received) = watch::channel(settings);
        Self {
            stage: Stage::start(|records, context| splunk_hec::run(received, records, context)),
            settings,
        }
    }

    /// Ends the queue, waits for the target, and balances the account: every record is settled exactly once, those in
    /// the dead letters are `dead` and no other, every other one was taken by a receiver, and nothing stays booked.
    pub async fn balance(self, receivers: &[&SplunkHecEmulator], dead: &[i64]) {
        let sent = self.sent();
        let ids: BTreeSet<String> = (0..sent as i64)
            .map(|number| self.event_id(number).to_string())
            .collect();
        let dead_ids: BTreeSet<String> = dead
            .iter()
            .map(|number| self.event_id(*number).to_string())
            .collect();
        let account = self.stage.close().await;
        assert!(
            account.unsettled.is_empty(),
            "each event settles once: {account:?}"
        );
        let letters: Vec<i64> = account.dead.iter().map(|(number, _)| *number).collect();
        assert_eq!(letters, dead, "dead letters");
        let taken: BTreeSet<String> = receivers
            .iter()
            .flat_map(|receiver| receiver.envelopes())
            .filter_map(|envelope| envelope.event_id.map(String::from))
            .collect();
        assert!(taken.is_subset(&ids), "nothing is delivered that was not sent");
        let lost = ids.difference(&taken).filter(|id| !dead_ids.contains(*id));
        assert_eq!(lost.count(), 0, "records were settled and not taken");
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
