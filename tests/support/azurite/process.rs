//! Azurite as a process: its folder, its port, its life.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hub2siem::checkpoint::blob::Settings;
use hub2siem::checkpoint::blob::config::Strategy;
use hub2siem::checkpoint::blob::settings::Access;
use hub2siem::config::tls;
use secrecy::SecretSlice;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::{ACCOUNT, Certificates, Installed, KEY};

/// Longest wait for a start or an end; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Below the ports that the system gives to connections, so that none of them takes the port during a restart.
const PORT_RANGE: std::ops::Range<u16> = 12_000..32_000;

/// One blob service that may be stopped and started again with the same data and port; ends when dropped.
pub struct Azurite {
    installed: Installed,
    directory: TempDir,
    port: u16,
    certificates: Option<Arc<Certificates>>,
    child: Option<Child>,
}

impl Azurite {
    /// Starts one without TLS, and waits until it listens.
    pub async fn start(installed: &Installed) -> Self {
        Self::begin(installed, None).await
    }

    /// Starts one with TLS that takes tokens too, on the name of the certificate, which is `localhost`.
    pub async fn start_tls(installed: &Installed, certificates: &Arc<Certificates>) -> Self {
        Self::begin(installed, Some(Arc::clone(certificates))).await
    }

    async fn begin(installed: &Installed, certificates: Option<Arc<Certificates>>) -> Self {
        let mut azurite = Self {
            installed: installed.clone(),
            directory: tempfile::tempdir().expect("a directory can be made"),
            port: free_port(),
            certificates,
            child: None,
        };
        azurite.resume().await;
        azurite
    }

    /// Address of the account.
    pub fn endpoint(&self) -> String {
        match &self.certificates {
            Some(_) => format!("https://localhost:{}/{ACCOUNT}", self.port),
            None => format!("http://127.0.0.1:{}/{ACCOUNT}", self.port),
        }
    }

    /// Address of a container.
    pub fn container_url(&self, container: &str) -> Url {
        Url::parse(&format!("{}/{container}", self.endpoint())).expect("it is an address")
    }

    /// As the portal gives it.
    pub fn connection_string(&self) -> String {
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={};",
            self.endpoint()
        )
    }

    /// A container, opened with the account's key.
    pub fn settings(&self, container: &str) -> Settings {
        let access = Access::SharedKey {
            account: ACCOUNT.to_owned(),
            key: SecretSlice::from(STANDARD.decode(KEY).expect("it is Base64")),
        };
        self.settings_with(container, access)
    }

    /// A container, opened with another right.
    pub fn settings_with(&self, container: &str, access: Access) -> Settings {
        let ca_file = self.certificates.as_ref().map(|certificates| certificates.ca());
        Settings {
            container: self.container_url(container),
            access,
            tls: tls::client_config(ca_file.as_deref()).expect("the CA can be read"),
            proxy: None,
            strategy: Strategy::Greedy,
            interval: Duration::from_secs(10),
            expiry: Duration::from_secs(60),
        }
    }

    /// Asks for a clean end and waits for it.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().expect("it runs");
        if timeout(PATIENCE, child.wait()).await.is_err() {
            panic!("it did not end: {}", self.log());
        }
    }

    /// Starts it again after [`Azurite::stop`].
    pub async fn resume(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("the log can be written");
        let mut command = self.installed.command();
        command
            .args(["--blobHost", "127.0.0.1", "--blobPort", &self.port.to_string()])
            .args(["--silent", "--disableTelemetry", "--location"])
            .arg(self.directory.path())
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be shared"))
            .stderr(log)
            .kill_on_drop(true);
        if let Some(certificates) = &self.certificates {
            let (certificate, key) = certificates.server();
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
            command.args(["--oauth", "basic"]);
        }
        self.child = Some(command.spawn().expect("Node.js runs"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "Azurite ended: {}", self.log());
            assert!(Instant::now() < until, "it does not listen: {}", self.log());
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Lets it stand still, with its connections open, until [`Azurite::unfreeze`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn unfreeze(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().and_then(Child::id).expect("it runs");
        let status = std::process::Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status()
            .expect("there is a shell");
        assert!(status.success(), "failed to send {signal}");
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    loop {
        let port = rand::random_range(PORT_RANGE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
