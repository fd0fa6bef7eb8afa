//! The official Python packages, in an environment of their own below `target`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;

/// What `scripts/test` prepares too.
const PACKAGES: [&str; 3] = [
    "azure-eventhub==5.15.1",
    "azure-eventhub-checkpointstoreblob==1.2.0",
    "websocket-client==1.9.2",
];
const PROBE: &str = "import azure.eventhub, azure.eventhub.extensions.checkpointstoreblob, websocket";
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
const RUN_LIMIT: Duration = Duration::from_secs(180);

/// A Python interpreter that has the packages, fetched at the first call of any test on this machine.
///
/// `None` only where they cannot be had and `HUB2SIEM_SKIP_PYTHON=1` allows to go on without them; it is then said what is
/// not tested.
pub async fn python(untested: &str) -> Option<PathBuf> {
    match prepare().await {
        Ok(python) => Some(python),
        Err(reason) => {
            eprintln!("PYTHON CLIENT NOT TESTED: {untested}: {reason}");
            let skip = std::env::var("HUB2SIEM_SKIP_PYTHON").is_ok_and(|value| value == "1");
            assert!(skip, "{reason}; set HUB2SIEM_SKIP_PYTHON=1 to go on without it");
            None
        }
    }
}

/// Runs a script of `tests/python` to its end and gives its standard output.
pub async fn run_script(python: &Path, script: &str, arguments: &[&str]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(script);
    let mut command = Command::new(python);
    command.arg(script).args(arguments);
    run(command, RUN_LIMIT).await
}

async fn prepare() -> Result<PathBuf, String> {
    // Two tests of one program must not install them at the same time.
    static INSTALLING: Mutex<()> = Mutex::const_new(());
    let _installing = INSTALLING.lock().await;
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    let python = environment.join("bin/python");
    let mut probe = Command::new(&python);
    probe.args(["-c", PROBE]);
    if run(probe, RUN_LIMIT).await.is_ok() {
        return Ok(python);
    }
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    run(create, INSTALL_LIMIT).await?;
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES);
    run(install, INSTALL_LIMIT).await?;
    Ok(python)
}

async fn run(mut command: Command, limit: Duration) -> Result<String, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| format!("{command:?} took longer than {limit:?}"))?
        .map_err(|error| format!("failed to run {command:?}: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{command:?} failed: {errors}"));
    }
    eprint!("{errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
