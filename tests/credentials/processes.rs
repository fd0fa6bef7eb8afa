//! The program itself: kinds that come from its environment, and a secret that is rotated under it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::event::Timestamp;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::entra::server::server_config;
use crate::entra::{Application, CLIENT, Entra, HEADER, SECRET, TENANT};
use crate::http_peer::{Ingestion, Peer};
use crate::support::{append, start, within};

const NAMESPACE: &str = "contoso.servicebus.windows.net";

/// An authority, a hub over TLS that takes its tokens, and a directory for the bridge.
struct Scene {
    entra: Entra,
    hub: EventHubEmulator,
    directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let entra = Entra::start().await;
        let (tls, ca) = server_config(NAMESPACE);
        let mut options = Options::new("defender", 1);
        options.authority = Some(entra.for_hub());
        options.tls = Some(tls);
        let scene = Self {
            hub: start(options).await,
            entra,
            directory: tempfile::tempdir().expect("a directory can be made"),
        };
        fs::write(scene.path("hub.pem"), ca).expect("it is ours");
        fs::write(scene.path("secret"), SECRET).expect("it is ours");
        fs::create_dir(scene.path("bin")).expect("it is ours");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, credential: &str) {
        self.configure_with(credential, "");
    }

    /// With further lines below `targets`.
    fn configure_with(&self, credential: &str, targets: &str) {
        let text = format!(
            "event_hub:\n  namespace: {NAMESPACE}\n  name: defender\n  address: {}\n  tls: {{ ca_file: hub.pem }}\n\
             credential:\n  {credential}\n  tls: {{ ca_file: {:?} }}\n\
             cloud: {{ authority: \"{}\" }}\n\
             checkpoint: {{ file: {{ directory: ./state }} }}\n\
             dead_letter: {{ file: {{ directory: ./dead }} }}\n\
             http: {{ listen: \"127.0.0.1:0\" }}\n\
             targets:\n  all: {{ file: {{ path: ./out.jsonl }}, mapping: native }}\n{targets}",
            self.hub.address(),
            self.entra.ca.path(),
            self.entra.address(),
        );
        fs::write(self.path("hub2siem.yaml"), text).expect("it is ours");
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts the bridge; what it says goes to the file `log`.
    fn run(&self) -> Child {
        let log = fs::File::create(self.path("log")).expect("it is ours");
        let mut command = self.command(&["run"], &[]);
        command.stderr(log).spawn().expect("the program was built")
    }

    /// Exit code and everything written of `check --connect`.
    async fn check(&self, environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = self.command(&["check", "--connect"], environment);
        let ended = within(command.output()).await.expect("the program was built");
        let text = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// The sum of the lines of `/metrics` that begin so; 0 while there is none, or no bridge.
    async fn metric(&self, beginning: &str) -> f64 {
        let Some(address) = self.metrics() else { return 0.0 };
        let text = match reqwest::get(format!("http://{address}/metrics")).await {
            Ok(response) => response.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        let lines = text.lines().filter(|line| line.starts_with(beginning));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    }

    /// Where the bridge serves its metrics, once it says so.
    fn metrics(&self) -> Option<SocketAddr> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let (lines, _) = log.rsplit_once('\n')?;
        let mut lines = lines.lines();
        let line = lines.find(|line| line.contains("metrics and health are served"))?;
        line.rsplit_once("address=")?.1.parse().ok()
    }

    /// Waits until a metric is as it is wanted.
    async fn shows(&self, beginning: &str, is_wanted: impl Fn(f64) -> bool) {
        within(async {
            while !is_wanted(self.metric(beginning).await) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    fn write_az(&self, lines: &str) {
        let text = self.path("az");
        fs::write(&text, format!("#!/bin/sh\n{lines}\n")).expect("it is ours");
        // Written by this process, it could be busy: a process that another test is starting may hold it open for writing.
        let installed = std::process::Command::new("install")
            .args(["-m", "755"])
            .args([text, self.path("bin/az")])
            .status();
        assert!(installed.expect("coreutils are there").success());
    }
}

fn application(kind: &str, rest: &str) -> String {
    format!("{kind}: {{ tenant_id: {TENANT}, client_id: {CLIENT}, {rest} }}")
}

/// Scenario: `check --connect` with each kind that takes something from the environment.
/// Guarantees: each gets a token that the hub takes.
#[tokio::test]
async fn kinds_that_come_from_the_environment() {
    let scene = Scene::new().await;
    scene.configure(&application("client_secret", "secret: { env: APP_SECRET }"));
    let (code, text) = scene.check(&[("APP_SECRET", SECRET)]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("get a token: by `client_secret`, good until"),
        "{text}"
    );

    let endpoint = format!("http://{}/app-service", scene.entra.metadata);
    let app_service = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", HEADER),
    ];
    scene.entra.state().identities = vec![("", ""), ("client_id", "mine")];
    for options in ["{}", "{ client_id: mine }"] {
        scene.configure(&format!("managed_identity: {options}"));
        let (code, text) = scene.check(&app_service).await;
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("by `managed_identity`"), "{text}");
    }

    scene.entra.state().application = Application::Federated("of the account".into());
    fs::write(scene.path("account"), "of the account").expect("it is ours");
    scene.configure("workload_identity: {}");
    let account = scene.path("account");
    let (code, text) = scene
        .check(&[
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            (
                "AZURE_FEDERATED_TOKEN_FILE",
                account.to_str().expect("it is UTF-8"),
            ),
            ("AZURE_AUTHORITY_HOST", "https://login.invalid/"),
        ])
        .await;
    assert_eq!(code, Some(0), "{text}");

    scene.configure("azure_cli: { subscription: Contoso Security }");
    let expires_on = Timestamp::now().as_millis() / 1000 + 3600;
    scene.write_az(&format!(
        "[ \"$*\" = 'account get-access-token -o json --scope https://eventhubs.azure.net/.default --subscription Contoso Security' ] || exit 2\n\
         echo '{{ \"accessToken\": \"{}\", \"expires_on\": {expires_on}, \"tokenType\": \"Bearer\" }}'",
        scene.entra.token_for_hub()
    ));
    let (code, text) = scene.check(&[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("by `azure_cli`"), "{text}");
}

/// Scenario: Azure Arc, a pod without the webhook, `az` that is missing or not logged in.
/// Guarantees: what the configuration cannot mean is a mistake of it (64), what somebody must do is a failed check (69), and
/// both say what to do.
#[tokio::test]
async fn what_the_environment_lacks_is_told() {
    let scene = Scene::new().await;
    let arc = [
        (
            "IDENTITY_ENDPOINT",
            "http://localhost:40342/metadata/identity/oauth2/token",
        ),
        ("IMDS_ENDPOINT", "http://localhost:40342"),
    ];
    let az = "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1";
    for (credential, environment, az, code, expected) in [
        (
            "managed_identity: {}",
            &arc[..],
            "",
            64,
            "managed identity on Azure Arc is not supported",
        ),
        (
            "managed_identity: { resource_id: /subscriptions/a }",
            &[
                ("IDENTITY_ENDPOINT", "http://localhost"),
                ("IDENTITY_HEADER", "h"),
            ],
            "",
            64,
            "name the identity by its `client_id`",
        ),
        (
            "workload_identity: {}",
            &[],
            "",
            64,
            "`AZURE_TENANT_ID` is not set",
        ),
        (
            "azure_cli: {}",
            &[],
            "",
            69,
            "az not found on PATH fix: install the Azure CLI",
        ),
        ("azure_cli: {}", &[], az, 69, "Please run 'az login'"),
    ] {
        scene.configure(credential);
        if !az.is_empty() {
            scene.write_az(az);
        }
        let (found, text) = scene.check(environment).await;
        // The reporter breaks long lines.
        let plain: String = text
            .replace("│", " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(found, Some(code), "{text}");
        assert!(plain.contains(expected), "{text}");
    }
}

/// Scenario: the bridge runs with tokens of 5 s; the secret is rotated at the authority and, a little later, in its file; events
/// arrive all the time.
/// Guarantees: the bridge goes on with the new secret without a restart, and every event is delivered once.
#[tokio::test]
async fn a_rotated_secret_needs_no_restart() {
    let scene = Scene::new().await;
    scene.entra.state().lifetime_seconds = 5;
    // A token that the hub refuses while it is good by our clock would be one without a right: that is waited for.
    scene.entra.state().leeway_seconds = 5;
    scene.configure(&application("client_secret", "secret: { file: secret }"));
    let mut bridge = scene.run();
    append(&scene.hub, 0, 5);
    lines(&scene.path("out.jsonl"), 5).await;

    scene.entra.state().application = Application::Secret("Q~second".into());
    let requests = scene.entra.requests();
    reached(|| scene.entra.requests() > requests).await;
    append(&scene.hub, 0, 5);
    fs::write(scene.path("secret"), "Q~second\n").expect("it is ours");
    let given = scene.entra.state().given.len();
    reached(|| scene.entra.state().given.len() > given).await;
    append(&scene.hub, 0, 5);
    let numbers = lines(&scene.path("out.jsonl"), 15).await;
    assert_eq!(numbers.values().sum::<usize>(), 15, "{numbers:?}");
    let renewed = "hub2siem_credential_renewals_total{audience=\"event_hubs\",outcome=\"renewed\"}";
    scene.shows(renewed, |count| count >= 2.0).await;
    let refused = "hub2siem_credential_renewals_total{audience=\"event_hubs\",outcome=\"refused\"}";
    scene.shows(refused, |count| count >= 1.0).await;
    // The end of the token that is renewed is shown until there is the next one.
    let end = "hub2siem_credential_expiry_timestamp_seconds";
    let left = |end: f64| end - Timestamp::now().as_millis() as f64 / 1000.0;
    scene.shows(end, |end| (0.0..=5.0).contains(&left(end))).await;
    assert!(
        bridge.try_wait().expect("it is ours").is_none(),
        "the same process runs on"
    );
}

/// Scenario: the bridge reads the hub and writes to Azure Monitor with one credential; a route is changed while it runs.
/// Guarantees: hub and target share the credential, which goes on with its tokens: nobody is asked again.
#[tokio::test]
async fn a_reload_of_something_else_keeps_the_tokens() {
    let scene = Scene::new().await;
    let monitor = Peer::start(Ingestion::new("of the credential")).await;
    scene.entra.state().fixed_token = Some("of the credential");
    let credential = application("client_secret", "secret: { file: secret }");
    let target = |route: &str| {
        let rule = monitor.receiver().rule.clone();
        format!(
            "  soc:\n    azure_monitor: {{ endpoint: \"{}\", rule: {rule}, stream: Custom-Mdc, batch: {{ linger: 20ms }} }}\n\
             \x20   mapping: native\n    {route}\n",
            monitor.endpoint()
        )
    };
    scene.configure_with(&credential, &target(""));
    let _bridge = scene.run();
    append(&scene.hub, 0, 5);
    lines(&scene.path("out.jsonl"), 5).await;
    reached(|| monitor.receiver().rows.len() == 5).await;
    scene.configure_with(&credential, &target("route: { $record.kind: [unknown] }"));
    scene
        .shows("hub2siem_config_edition", |edition| edition >= 2.0)
        .await;
    append(&scene.hub, 0, 5);
    reached(|| monitor.receiver().rows.len() == 10).await;
    lines(&scene.path("out.jsonl"), 10).await;
    let mut asked = scene.entra.state().asked.clone();
    asked.sort_unstable();
    let expected = [
        "https://eventhubs.azure.net/.default",
        "https://monitor.azure.com/.default",
    ];
    assert_eq!(asked, expected);
}

pub async fn reached(mut wanted: impl FnMut() -> bool) {
    within(async {
        while !wanted() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Waits until so many events are in the file; gives how often each is there.
pub async fn lines(path: &Path, count: usize) -> BTreeMap<i64, usize> {
    let mut found = BTreeMap::new();
    reached(|| {
        found.clear();
        let text = fs::read_to_string(path).unwrap_or_default();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            if let Some(number) = line["hub"]["sequence_number"].as_i64() {
                *found.entry(number).or_default() += 1;
            }
        }
        found.len() >= count
    })
    .await;
    found
}
