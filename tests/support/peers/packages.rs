//! Where programs of Debian packages are unpacked, by `scripts/peers`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The unpacked programs.
#[derive(Debug, Clone)]
pub struct Packages {
    root: PathBuf,
    library_path: String,
}

/// rsyslog and syslog-ng, fetched at the first call of any test on this machine; safe beside other tests that do the same.
///
/// `None` only where they cannot be had and `HUB2SIEM_SKIP_SYSLOG_PEERS=1` allows to go on without them; it is then said
/// what is not tested.
pub async fn packages(untested: &str) -> Option<Packages> {
    programs("syslog", "HUB2SIEM_SKIP_SYSLOG_PEERS", untested).await
}

/// tinyproxy, in the same way; `HUB2SIEM_SKIP_PROXY_PEERS=1` allows to go on without it.
pub async fn proxies(untested: &str) -> Option<Packages> {
    programs("proxy", "HUB2SIEM_SKIP_PROXY_PEERS", untested).await
}

async fn programs(kind: &'static str, switch: &str, untested: &str) -> Option<Packages> {
    let fetched = tokio::task::spawn_blocking(move || fetch(kind))
        .await
        .expect("fetching does not panic");
    match fetched {
        Ok(packages) => Some(packages),
        Err(reason) => {
            eprintln!("NOT TESTED WITH REAL PROGRAMS: {untested}: {reason}");
            let skip = std::env::var(switch).is_ok_and(|value| value == "1");
            assert!(skip, "{reason}; set {switch}=1 to go on without {untested}");
            None
        }
    }
}

fn fetch(kind: &str) -> Result<Packages, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/peers");
    let output = Command::new(&script)
        .arg(kind)
        .output()
        .map_err(|error| format!("failed to run `{}`: {error}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let root = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    let library_path = std::fs::read_to_string(root.join("library-path"))
        .map_err(|error| format!("{} is damaged, remove it: {error}", root.display()))?;
    Ok(Packages {
        library_path: library_path.trim_end().to_owned(),
        root,
    })
}

impl Packages {
    /// A program by its place below the unpacked root, with the libraries it needs.
    pub(super) fn command(&self, program: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(self.root.join(program));
        command.env("LD_LIBRARY_PATH", &self.library_path);
        command
    }

    /// The folder below `parent` that is `name` or holds it one level down, as an architecture or a version does.
    pub(super) fn folder(&self, parent: &str, holds: &str) -> PathBuf {
        let parent = self.root.join(parent);
        std::fs::read_dir(&parent)
            .expect("the packages are unpacked")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.join(holds).exists())
            .unwrap_or_else(|| panic!("{} holds {holds}", parent.display()))
    }
}
