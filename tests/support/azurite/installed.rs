//! Where Azurite is, fetched by `scripts/azurite`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder it is in.
#[derive(Debug, Clone)]
pub struct Installed {
    directory: PathBuf,
}

/// Azurite, fetched at the first call of any test on this machine; safe beside other tests that do the same.
///
/// `None` only where it cannot be had and `HUB2SIEM_SKIP_AZURITE=1` allows to go on without it; it is then said what is not
/// tested.
pub async fn installed(untested: &str) -> Option<Installed> {
    let fetched = tokio::task::spawn_blocking(fetch)
        .await
        .expect("fetching does not panic");
    match fetched {
        Ok(installed) => Some(installed),
        Err(reason) => {
            eprintln!("NOT TESTED WITH A BLOB STORE: {untested}: {reason}");
            let skip = std::env::var("HUB2SIEM_SKIP_AZURITE").is_ok_and(|value| value == "1");
            assert!(
                skip,
                "{reason}; set HUB2SIEM_SKIP_AZURITE=1 to go on without {untested}"
            );
            None
        }
    }
}

fn fetch() -> Result<Installed, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/azurite");
    let output = Command::new(&script)
        .output()
        .map_err(|error| format!("failed to run `{}`: {error}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Installed {
        directory: PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()),
    })
}

impl Installed {
    /// The blob service.
    pub(super) fn command(&self) -> tokio::process::Command {
        let main = self.directory.join("node_modules/azurite/dist/src/blob/main.js");
        let mut command = tokio::process::Command::new("node");
        command.arg(main);
        command
    }
}
