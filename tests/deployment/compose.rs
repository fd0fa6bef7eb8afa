//! The compose file and the configurations that are shown.

use std::collections::BTreeSet;

use crate::files::{json, read, root, text, texts, yaml};

/// Scenario: the compose file is edited for convenience.
/// Guarantees: what keeps the bridge's promise and its rights stays: state, time to drain, health, no privileges.
#[test]
fn compose_keeps_state_and_takes_rights_away() {
    let compose = yaml("docker-compose.yml");
    let bridge = &compose["services"]["bridge"];
    assert_eq!(bridge["stop_grace_period"], "30s");
    assert_eq!(bridge["read_only"], true);
    assert_eq!(bridge["cap_drop"], serde_json::json!(["ALL"]));
    assert!(bridge["healthcheck"]["test"].to_string().contains("\"health\""));
    assert_ne!(text(&bridge["user"]).split(':').next(), Some("0"), "not root");

    let configuration = yaml("deploy/bridge.yaml");
    let mounted: Vec<_> = texts(&bridge["volumes"])
        .filter_map(|volume| volume.split(':').nth(1).map(str::to_owned))
        .collect();
    for directory in [
        &configuration["checkpoint"]["file"]["directory"],
        &configuration["dead_letter"]["file"]["directory"],
    ] {
        assert!(
            mounted.contains(&text(directory).to_owned()),
            "{directory} is not on a volume"
        );
    }
    let drain: u64 = text(&configuration["grace_period"])
        .trim_end_matches('s')
        .parse()
        .expect("seconds");
    assert!(drain < 30, "the bridge must end before it is killed");
}

/// Scenario: the example with several instances is edited, or the one with a single bridge.
/// Guarantees: each instance has its state and dead letters to itself, ends in time, has no rights, and is scraped.
#[test]
fn instances_have_their_own_state() {
    let single = yaml("docker-compose.yml");
    let several = yaml("deploy/instances/compose.yaml");
    let (second, third) = (&several["services"]["bridge-2"], &several["services"]["bridge-3"]);
    assert_eq!(third["extends"]["service"], "bridge-2");
    for option in [
        "image",
        "command",
        "stop_grace_period",
        "user",
        "read_only",
        "cap_drop",
        "security_opt",
    ] {
        assert_eq!(second[option], single["services"]["bridge"][option], "{option}");
    }
    let mut taken = BTreeSet::new();
    for service in [&single["services"]["bridge"], second, third] {
        let volumes = texts(&service["volumes"]).filter(|volume| !volume.starts_with("./"));
        for volume in volumes {
            let (source, place) = volume.split_once(':').expect("a volume has a place");
            assert!(taken.insert(source.to_owned()), "{source} has two owners");
            assert!(["/var/lib/hub2siem/state", "/var/lib/hub2siem/dead-letters"].contains(&place));
        }
    }
    assert_eq!(taken.len(), 6);
    for secret in texts(&second["secrets"]) {
        let is_known = single["secrets"][secret].is_object() || several["secrets"][secret].is_object();
        assert!(is_known, "no secret {secret}");
    }
    let prometheus = yaml("deploy/instances/prometheus.yml");
    let targets = texts(&prometheus["scrape_configs"][0]["static_configs"][0]["targets"]);
    assert_eq!(targets.count(), 3);
    assert_eq!(
        prometheus["rule_files"],
        yaml("deploy/prometheus/prometheus.yml")["rule_files"]
    );
}

/// Scenario: a service, volume, secret or mounted file of the compose file is renamed in one place only.
/// Guarantees: everything that is named exists, images have a tag, and ports are open to this machine only.
#[test]
fn compose_names_what_exists() {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_object().expect("there are services");
    for (name, service) in services {
        let image = text(&service["image"]);
        let tag = image.rsplit('/').next().and_then(|last| last.split_once(':'));
        assert!(tag.is_some(), "{name}: image {image} has no tag");
        for port in texts(&service["ports"]) {
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name}: port {port} is open to the network"
            );
        }
        for secret in texts(&service["secrets"]) {
            assert!(
                compose["secrets"][secret].is_object(),
                "{name}: no secret {secret}"
            );
        }
        for other in texts(&service["depends_on"]) {
            assert!(services.contains_key(other), "{name}: no service {other}");
        }
        for volume in texts(&service["volumes"]) {
            let source = volume.split(':').next().expect("a volume has a source");
            if source.starts_with("./") {
                assert!(root().join(source).exists(), "{name}: {source} is not there");
            } else {
                assert!(
                    compose["volumes"].get(source).is_some(),
                    "{name}: no volume {source}"
                );
            }
        }
    }
    assert!(
        root()
            .join(text(&services["bridge"]["build"]["dockerfile"]))
            .exists()
    );
}

/// Scenario: a hub, host, port or token is changed in one of the files that must agree.
/// Guarantees: bridge, Splunk, emulator, Prometheus and Grafana mean the same peers.
#[test]
fn deployment_files_agree() {
    let compose = yaml("docker-compose.yml");
    let bridge = yaml("deploy/bridge.yaml");
    let splunk = yaml("deploy/splunk/default.yml");
    let emulator = json("deploy/eventhubs-emulator/Config.json");
    let prometheus = yaml("deploy/prometheus/prometheus.yml");

    let entity = &emulator["UserConfig"]["NamespaceConfig"][0]["Entities"][0];
    assert_eq!(bridge["event_hub"]["name"], entity["Name"]);
    let connection = read("deploy/eventhubs-emulator/connection_string");
    assert!(
        connection.starts_with("Endpoint=sb://eventhubs-emulator;"),
        "the name of the service"
    );
    assert!(compose["services"]["eventhubs-emulator"].is_object());

    let inputs = &splunk["splunk"]["conf"][0]["value"]["content"];
    let collector = &inputs["http://hub2siem"];
    assert_eq!(
        read("deploy/splunk/hec_token").trim_end(),
        text(&collector["token"])
    );
    let target = &bridge["targets"]["soc-splunk"]["splunk_hec"];
    assert_eq!(target["acknowledgement"], "required");
    assert_eq!(
        collector["useACK"], 1,
        "the token must give what the bridge requires"
    );
    assert_eq!(
        target["endpoints"][0],
        format!("http://splunk:{}", inputs["http"]["port"])
    );
    let allowed: BTreeSet<_> = text(&collector["indexes"]).split(',').collect();
    for index in target["index"].as_object().expect("an index per kind").values() {
        assert!(
            allowed.contains(text(index)),
            "the token may not write to {index}"
        );
    }

    let listen = text(&bridge["http"]["listen"]);
    let port = listen
        .strip_prefix("0.0.0.0:")
        .expect("reachable from the other containers");
    assert_eq!(
        prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0],
        format!("bridge:{port}")
    );
    assert_eq!(
        prometheus["scrape_configs"][0]["job_name"], "hub2siem",
        "rules and dashboard bind to it"
    );
    let datasource = yaml("deploy/grafana/provisioning/datasources/prometheus.yml");
    let dashboard = json("deploy/grafana/dashboards/hub2siem.json");
    assert_eq!(
        datasource["datasources"][0]["uid"],
        dashboard["panels"][1]["datasource"]["uid"]
    );
    yaml("deploy/grafana/provisioning/dashboards/hub2siem.yml");
}

/// Scenario: the compose file's configuration and the smallest one of the README, with stand-ins for their secrets.
/// Guarantees: every option in them exists and is valid.
#[test]
fn example_configurations_are_valid() {
    let secrets = tempfile::tempdir().expect("a temporary directory can be made");
    let connection =
        "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true";
    for (name, value) in [("event_hub_connection_string", connection), ("hec_token", "t")] {
        std::fs::write(secrets.path().join(name), value).expect("it can be written");
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("the file is there");
    let directory = secrets.path().display().to_string();
    let readme = read("README.md");
    let smallest = readme
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the README has a configuration")
        .replace(
            "{ env: EVENT_HUB_CONNECTION_STRING }",
            &format!("{{ file: '{directory}/event_hub_connection_string' }}"),
        )
        .replace(
            "{ env: HEC_TOKEN }",
            &format!("{{ file: '{directory}/hec_token' }}"),
        )
        .replace("https://", "http://");
    let azurite = read("deploy/instances/azurite_connection_string");
    std::fs::write(secrets.path().join("storage_connection_string"), azurite).expect("it can be written");
    for text in [
        read("deploy/bridge.yaml").replace("/run/secrets", &directory),
        read("deploy/instances/bridge.yaml").replace("/run/secrets", &directory),
        smallest,
    ] {
        let file = hub2siem::config::diagnostic::SourceFile {
            name: "example.yaml".into(),
            text: text.into(),
        };
        if let Err(diagnostics) = hub2siem::config::configuration::load_text(&file) {
            panic!("{diagnostics}");
        }
    }
}

/// Scenario: the configuration at the head of each target kind's page, with stand-ins for its secrets.
/// Guarantees: every option in it exists and is valid.
#[test]
fn examples_of_target_kinds_are_valid() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let folder = directory.path().display().to_string();
    let connection =
        "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true";
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("it can be written")
    };
    write("connection_string", connection);
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/targets");
    for page in std::fs::read_dir(pages).expect("it can be read") {
        let page = page.expect("it can be listed").path();
        let text = std::fs::read_to_string(&page).expect("it is text");
        let targets = text
            .split("```yaml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let targets = targets.unwrap_or_else(|| panic!("{} has no example", page.display()));
        for secret in targets.split("/run/secrets/").skip(1) {
            let name = secret.split([' ', '}', '\n']).next().expect("it has a name");
            write(
                name,
                if name.ends_with("address") {
                    "http://hooks.example/in"
                } else {
                    "t"
                },
            );
        }
        let text = format!(
            "event_hub: {{ connection_string: {{ file: '{folder}/connection_string' }}, name: defender }}\n\
             checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
             dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}\n{}",
            targets
                .replace("/run/secrets", &folder)
                .replace("https://", "http://")
        );
        let file = hub2siem::config::diagnostic::SourceFile {
            name: page.display().to_string().into(),
            text: text.into(),
        };
        if let Err(diagnostics) = hub2siem::config::configuration::load_text(&file) {
            panic!("{diagnostics}");
        }
    }
}
