//! Where the broker's jars are, fetched by `scripts/kafka-broker`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the jars.
#[derive(Debug, Clone)]
pub struct Jars {
    directory: PathBuf,
}

/// The jars, fetched at the first call of any test on this machine; safe beside other tests that do the same.
///
/// `None` only where they cannot be had and `HUB2SIEM_SKIP_KAFKA_BROKER=1` allows to go on without them; it is then said
/// what is not tested.
pub async fn jars(untested: &str) -> Option<Jars> {
    let fetched = tokio::task::spawn_blocking(fetch)
        .await
        .expect("fetching does not panic");
    match fetched {
        Ok(jars) => Some(jars),
        Err(reason) => {
            eprintln!("NOT TESTED WITH A REAL KAFKA BROKER: {untested}: {reason}");
            let skip = std::env::var("HUB2SIEM_SKIP_KAFKA_BROKER").is_ok_and(|value| value == "1");
            assert!(
                skip,
                "{reason}; set HUB2SIEM_SKIP_KAFKA_BROKER=1 to go on without {untested}"
            );
            None
        }
    }
}

fn fetch() -> Result<Jars, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka-broker");
    let output = Command::new(&script)
        .output()
        .map_err(|error| format!("failed to run `{}`: {error}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Jars {
        directory: PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()),
    })
}

impl Jars {
    /// Runs a class of the jars. Small, and quick to start rather than quick for long.
    pub(super) fn command(&self, class: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("java");
        command
            .env("CLASSPATH", self.directory.join("*"))
            .args(["-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
            .arg(class);
        command
    }
}
