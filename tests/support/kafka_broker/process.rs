//! The broker as a process: its folder, its ports, its life.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::options::{Ports, properties};
use super::{Jars, Options};

/// Longest wait for a start or an end; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Below the ports that the system gives to connections, so that none of them takes a port during a restart.
const PORT_RANGE: std::ops::Range<u16> = 12_000..32_000;

/// One broker that may be stopped and started again with the same data and ports; ends when dropped.
pub(super) struct Process {
    jars: Jars,
    directory: TempDir,
    pub(super) ports: Ports,
    child: Option<Child>,
}

impl Process {
    /// Formats the storage; nothing runs yet.
    pub(super) async fn new(jars: &Jars, options: &Options) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let [plaintext, controller, tls, sasl] = free_ports();
        let ports = Ports {
            plaintext,
            controller,
            tls,
            sasl,
        };
        let path = directory.path().join("server.properties");
        std::fs::write(&path, properties(options, ports, directory.path())).expect("it can be written");
        let mut format = jars.command("kafka.tools.StorageTool");
        format
            .args(["format", "--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config"])
            .arg(&path);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            if let Some(login) = &options.login {
                let (username, password) = (&login.username, &login.password);
                let user = format!("{mechanism}=[name={username},password={password}]");
                format.args(["--add-scram", &user]);
            }
        }
        let output = format.output().await.expect("Java runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            jars: jars.clone(),
            directory,
            ports,
            child: None,
        }
    }

    /// Starts it and waits until it listens.
    pub(super) async fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("the log can be written");
        let mut command: Command = self.jars.command("kafka.Kafka");
        command
            .arg(self.path("server.properties"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be shared"))
            .stderr(log)
            .kill_on_drop(true);
        self.child = Some(command.spawn().expect("Java runs"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.plaintext));
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "the broker ended: {}", self.log());
            assert!(Instant::now() < until, "it does not listen: {}", self.log());
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Sends a signal by its short name, such as `STOP`.
    pub(super) fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        let id = child.id().expect("it runs");
        let status = std::process::Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status()
            .expect("there is a shell");
        assert!(status.success(), "failed to send {signal}");
    }

    /// Waits until it has ended.
    pub(super) async fn wait(&mut self) {
        let mut child = self.child.take().expect("it runs");
        if timeout(PATIENCE, child.wait()).await.is_err() {
            panic!("it did not end: {}", self.log());
        }
    }

    /// What it says about itself.
    pub(super) fn log(&self) -> String {
        let bytes = std::fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.directory.path()).join(name)
    }
}

/// Ports that are free now, all different.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let mut held = Vec::new();
    while held.len() < COUNT {
        let port = rand::random_range(PORT_RANGE);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    std::array::from_fn(|index| held[index].0)
}
