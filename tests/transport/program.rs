//! The program itself in a network whose only way out is a proxy.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::emulator::splunk_hec::{Options as CollectorOptions, SplunkHecEmulator};
use tempfile::TempDir;
use tokio::process::Command;

use crate::azurite::container::Blob;
use crate::azurite::{Azurite, Certificates, Container, installed};
use crate::entra::server::server_config;
use crate::entra::{CLIENT, Entra, HEADER, SECRET, TENANT};
use crate::peers::packages::proxies;
use crate::peers::tinyproxy::Tinyproxy;
use crate::scene::{ENDPOINT, NAMESPACE};
use crate::support::{append, start, within};
use crate::terminator::Terminator;

const LOGIN: &str = "login.contoso.test";
const COLLECTOR: &str = "splunk.contoso.test";
/// As in Azure, the account is the first part of the name.
const STORE: &str = "contoso.blob.test";
const ACCOUNT: (&str, &str) = ("bridge", "open-sesame");
const TOKEN: &str = "00000000-0000-4000-8000-000000000001";
/// What must change nothing: nothing listens there.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("ALL_PROXY", "http://127.0.0.1:1"),
    ("NO_PROXY", "*"),
];

/// An authority, a hub and a collector with TLS under names that only a proxy knows, and a directory for the bridge.
struct Scene {
    entra: Entra,
    hub: EventHubEmulator,
    collector: SplunkHecEmulator,
    front: Terminator,
    directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let entra = Entra::start_as(LOGIN).await;
        let (tls, ca) = server_config(NAMESPACE);
        let mut options = Options::new("defender", 2);
        options.authority = Some(entra.for_hub());
        options.tls = Some(tls);
        let collector = SplunkHecEmulator::start(CollectorOptions {
            keeps_envelopes: true,
            ..CollectorOptions::local(TOKEN)
        });
        let collector = collector.await.expect("a port is free");
        let scene = Self {
            hub: start(options).await,
            front: Terminator::start(COLLECTOR, collector.address()).await,
            entra,
            collector,
            directory: tempfile::tempdir().expect("a directory can be made"),
        };
        fs::write(scene.path("hub.pem"), ca).expect("it is ours");
        fs::write(scene.path("secret"), SECRET).expect("it is ours");
        fs::write(scene.path("token"), TOKEN).expect("it is ours");
        fs::write(scene.path("password"), ACCOUNT.1).expect("it is ours");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, proxy: &str, credential: &str) {
        let text = format!(
            "event_hub:\n  namespace: {NAMESPACE}\n  name: defender\n  transport: websocket\n  \
             address: {ENDPOINT}:{}\n  tls: {{ ca_file: hub.pem }}\n\
             credential:\n  {credential}\n  tls: {{ ca_file: {:?} }}\n\
             cloud: {{ authority: \"{}\" }}\n\
             proxy: {proxy}\n\
             checkpoint: {{ file: {{ directory: ./state }} }}\n\
             dead_letter: {{ file: {{ directory: ./dead }} }}\n\
             http: {{ listen: \"127.0.0.1:0\" }}\n\
             targets:\n  soc:\n    splunk_hec:\n      endpoints: https://{COLLECTOR}:{}\n      \
             token: {{ file: token }}\n      tls: {{ ca_file: {:?} }}\n      batch: {{ linger: 20ms }}\n    mapping: native\n",
            self.hub.address().port(),
            self.entra.ca.path(),
            self.entra.address(),
            self.front.address.port(),
            self.front.ca.path(),
        );
        fs::write(self.path("hub2siem.yaml"), text).expect("it is ours");
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(ENVIRONMENT)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Exit code and everything written of `check --connect`.
    async fn check(&self, environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = self.command(&["check", "--connect"], environment);
        let ended = within(command.output()).await.expect("the program was built");
        let text = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// How often each event is at the collector, once there are so many.
    async fn delivered(&self, count: usize) -> BTreeMap<(String, i64), usize> {
        let mut found = BTreeMap::new();
        reached(|| {
            found.clear();
            for envelope in self.collector.envelopes() {
                let envelope: serde_json::Value =
                    serde_json::from_slice(&envelope.bytes).expect("the collector took it");
                let hub = &envelope["event"]["hub"];
                let partition = hub["partition"].as_str().unwrap_or_default().to_owned();
                let number = hub["sequence_number"].as_i64().unwrap_or(-1);
                *found.entry((partition, number)).or_default() += 1;
            }
            found.len() >= count
        })
        .await;
        found
    }
}

fn client_secret() -> String {
    format!("client_secret: {{ tenant_id: {TENANT}, client_id: {CLIENT}, secret: {{ file: secret }} }}")
}

fn by(tinyproxy: &Tinyproxy) -> String {
    format!(
        "{{ url: \"{}\", username: {}, password: {{ file: password }} }}",
        tinyproxy.url(),
        ACCOUNT.0
    )
}

async fn reached(mut wanted: impl FnMut() -> bool) {
    within(async {
        while !wanted() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Scenario: hub (WebSocket), tokens and collector behind one proxy, in an environment that names another; then the proxy's
/// password is changed, there and in our file, while the proxy restarts and events arrive.
/// Guarantees: everything goes by the configured proxy and nothing else; the new password needs no restart of the bridge, and
/// every event is delivered.
#[tokio::test]
async fn everything_goes_by_the_proxy() {
    let Some(packages) = proxies("the program behind a proxy").await else {
        return;
    };
    let names = [ENDPOINT, LOGIN, COLLECTOR];
    let mut tinyproxy = Tinyproxy::start(&packages, &names, Some(ACCOUNT)).await;
    let scene = Scene::new().await;
    scene.configure(&by(&tinyproxy), &client_secret());
    let (code, text) = scene.check(&[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("connect through the proxy: `127.0.0.1:"), "{text}");

    let mut bridge = scene.command(&["run"], &[]);
    let mut bridge = bridge.spawn().expect("the program was built");
    append(&scene.hub, 0, 50);
    append(&scene.hub, 1, 50);
    let found = scene.delivered(100).await;
    assert_eq!(found.values().sum::<usize>(), 100, "{found:?}");
    let expected = [
        format!("{ENDPOINT}:{}", scene.hub.address().port()),
        format!("{LOGIN}:{}", scene.entra.authority.port()),
        format!("{COLLECTOR}:{}", scene.front.address.port()),
    ];
    let asked = tinyproxy.asked();
    assert!(expected.iter().all(|peer| asked.contains(peer)), "{asked:?}");
    assert!(asked.iter().all(|peer| expected.contains(peer)), "{asked:?}");

    tinyproxy.kill().await;
    tinyproxy.configure(Some((ACCOUNT.0, "open-barley")));
    let asked = tinyproxy.asked().len();
    tinyproxy.resume().await;
    append(&scene.hub, 0, 50);
    reached(|| tinyproxy.asked().len() > asked).await;
    fs::write(scene.path("password"), "open-barley\n").expect("it is ours");
    scene.delivered(150).await;
    assert!(
        bridge.try_wait().expect("it is ours").is_none(),
        "the same process runs on"
    );
}

/// Scenario: checkpoints in a container under a name that only the proxy knows, opened with the one credential.
/// Guarantees: the check and the bridge ask for it by the proxy, and the positions are there.
#[tokio::test]
async fn checkpoints_go_by_the_proxy() {
    const UNTESTED: &str = "checkpoints behind a proxy";
    let (Some(packages), Some(installed)) = (proxies(UNTESTED).await, installed(UNTESTED).await) else {
        return;
    };
    let certificates = Arc::new(Certificates::new(STORE));
    let azurite = Azurite::start_tls(&installed, &certificates).await;
    let names = [ENDPOINT, LOGIN, COLLECTOR, STORE];
    let tinyproxy = Tinyproxy::start(&packages, &names, Some(ACCOUNT)).await;
    let scene = Scene::new().await;
    scene.configure(&by(&tinyproxy), &client_secret());
    let port = azurite.container_url("positions").port().expect("it has one");
    let store = format!(
        "checkpoint: {{ blob: {{ container_url: \"https://{STORE}:{port}/positions\", tls: {{ ca_file: {:?} }} }} }}\n\
         state: {{ directory: ./state }}\n",
        certificates.ca()
    );
    let file = fs::read_to_string(scene.path("hub2siem.yaml")).expect("it is there");
    let file = file.replace("checkpoint: { file: { directory: ./state } }\n", &store);
    fs::write(scene.path("hub2siem.yaml"), file).expect("it is ours");
    let (code, text) = scene.check(&[]).await;
    assert_eq!(code, Some(0), "{text}");
    let by_proxy = |asked: Vec<String>| {
        let of_store = asked.iter().filter(|peer| **peer == format!("{STORE}:{port}"));
        of_store.count()
    };
    let checked = by_proxy(tinyproxy.asked());
    assert!(checked > 0, "{:?}", tinyproxy.asked());

    let _bridge = scene
        .command(&["run"], &[])
        .spawn()
        .expect("the program was built");
    append(&scene.hub, 0, 20);
    append(&scene.hub, 1, 20);
    scene.delivered(40).await;
    let container = Container::new(&azurite, "positions");
    within(async {
        let is_settled = |blobs: &[Blob]| {
            let checkpoints = blobs.iter().filter(|blob| blob.name.contains("/checkpoint/"));
            let numbers = checkpoints.filter(|blob| blob.metadata["sequencenumber"] == "19");
            numbers.count() == 2
        };
        while !is_settled(&container.list().await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(by_proxy(tinyproxy.asked()) > checked, "{:?}", tinyproxy.asked());
}

/// Scenario: the proxy is not there, its password is wrong, a target has no TLS; a machine that gets its identity from beside it.
/// Guarantees: each is told with what to do, for the hub and for the target; the identity of the machine needs no proxy.
#[tokio::test]
async fn what_is_wrong_with_the_proxy_is_told() {
    let Some(packages) = proxies("the program behind a proxy").await else {
        return;
    };
    let scene = Scene::new().await;
    let endpoint = format!("http://{}/app-service", scene.entra.metadata);
    let machine = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
    ];
    scene.configure("{ url: \"http://127.0.0.1:1\" }", "managed_identity: {}");
    let (code, text) = scene.check(&machine).await;
    assert_eq!(code, Some(69), "{text}");
    for expected in [
        "get a token: by `managed_identity`",
        "connect to the proxy: connect_failed",
        "failed to connect to proxy `127.0.0.1:1`",
        "fix: check host and port in `proxy.url`",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }

    let tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT, COLLECTOR], Some(ACCOUNT)).await;
    fs::write(scene.path("password"), "wrong").expect("it is ours");
    scene.configure(&by(&tinyproxy), "managed_identity: {}");
    let (code, text) = scene.check(&machine).await;
    assert_eq!(code, Some(69), "{text}");
    let refusals = text.matches("answers 401 to a connection to").count();
    assert_eq!(refusals, 2, "hub and target: {text}");
    assert!(
        text.contains("fix: check `proxy.username` and `proxy.password`"),
        "{text}"
    );

    let file = fs::read_to_string(scene.path("hub2siem.yaml")).expect("it is there");
    let plain = file.replace(&format!("https://{COLLECTOR}"), &format!("http://{COLLECTOR}"));
    fs::write(scene.path("hub2siem.yaml"), plain).expect("it is ours");
    let (code, text) = scene.check(&machine).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(
        text.contains("config::proxy") && text.contains("has no TLS"),
        "{text}"
    );
}

/// Scenario: no proxy is configured, and the environment names one where nothing listens.
/// Guarantees: tokens, hub and collector are reached directly.
#[tokio::test]
async fn the_environment_names_no_proxy() {
    let mut scene = Scene::new().await;
    scene.entra = Entra::start().await;
    scene.front = Terminator::start("localhost", scene.collector.address()).await;
    let mut options = Options::new("defender", 1);
    let (tls, ca) = server_config(NAMESPACE);
    options.authority = Some(scene.entra.for_hub());
    options.tls = Some(tls);
    scene.hub = start(options).await;
    fs::write(scene.path("hub.pem"), ca).expect("it is ours");
    scene.configure("", &client_secret());
    let file = fs::read_to_string(scene.path("hub2siem.yaml")).expect("it is there");
    let file = file
        .replace(COLLECTOR, "localhost")
        .replace(ENDPOINT, "127.0.0.1")
        .replace("proxy: \n", "");
    fs::write(scene.path("hub2siem.yaml"), file).expect("it is ours");
    let (code, text) = scene.check(&[("NO_PROXY", "")]).await;
    assert_eq!(code, Some(0), "{text}");
}
