//! The files under `deploy/` and the compose file: no container runs here, so what can be checked without one is.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hub2siem::telemetry::Metrics;
use regex::Regex;
use serde_json::Value;

use support::promql::Expression;

/// Documents with a test of their own, which says how to write them anew.
const WRITTEN_FROM_CODE: [&str; 2] = ["configuration.md", "metrics.md"];

/// Scenario: a metric is renamed, or loses a label, and the alert rules are forgotten.
/// Guarantees: every rule names metrics and labels that the bridge really has.
#[test]
fn alert_rules_use_metrics_that_exist() {
    let rules = yaml("deploy/prometheus/alerts.yml");
    let rules = rules["groups"][0]["rules"]
        .as_array()
        .expect("the group has rules");
    for rule in rules {
        let name = text(&rule["alert"]);
        let expression = Expression::parse(text(&rule["expr"]));
        expression
            .check(&Metrics::describe())
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(rule["labels"]["severity"].is_string(), "{name} has no severity");
        assert!(
            rule["annotations"]["summary"].is_string(),
            "{name} has no summary"
        );

        let available = expression.result_labels(&Metrics::describe());
        let annotations = format!(
            "{}{}",
            rule["annotations"]["summary"], rule["annotations"]["description"]
        );
        for label in captures(&annotations, r"\$labels\.(\w+)") {
            assert!(
                available.contains(&label),
                "{name}: the result has no label `{label}`, only {available:?}"
            );
        }
    }
}

/// Scenario: an operator is woken by an alert and looks for what to do.
/// Guarantees: every alert has a section in the operations guide, and no section is about an alert that is gone.
#[test]
fn every_alert_is_explained() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts: BTreeSet<_> = captures(&rules, r"- alert: (\w+)").collect();
    let explained: BTreeSet<_> = captures(&read("docs/operations.md"), r"(?m)^### (Hub2siem\w+)$").collect();
    assert_eq!(alerts, explained);
}

/// Scenario: a metric is renamed, or loses a label, and the dashboard is forgotten.
/// Guarantees: every panel asks for metrics and labels that the bridge really has, and every metric is on a panel.
#[test]
fn dashboard_shows_every_metric_and_no_other() {
    let dashboard = json("deploy/grafana/dashboards/hub2siem.json");
    let panels = dashboard["panels"].as_array().expect("the dashboard has panels");
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = text(&panel["title"]);
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = Expression::parse(text(&target["expr"]));
            expression
                .check(&Metrics::describe())
                .unwrap_or_else(|problem| panic!("{title}: {problem}"));
            shown.extend(expression.metrics(&Metrics::describe()));

            let available = expression.result_labels(&Metrics::describe());
            for label in captures(text(&target["legendFormat"]), r"\{\{(\w+)\}\}") {
                assert!(
                    available.contains(&label),
                    "{title}: the result has no label `{label}`, only {available:?}"
                );
            }
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .expect("the dashboard has variables")
    {
        let query = text(&variable["definition"]);
        let expression = Expression::parse(query);
        expression
            .check(&Metrics::describe())
            .unwrap_or_else(|problem| panic!("{query}: {problem}"));
    }
    let known: BTreeSet<_> = Metrics::describe().iter().map(|metric| metric.name).collect();
    assert_eq!(shown, known);
}

/// Scenario: someone edits the dashboard and pastes a panel.
/// Guarantees: panel numbers are unique and panels do not overlap.
#[test]
fn dashboard_panels_do_not_collide() {
    let dashboard = json("deploy/grafana/dashboards/hub2siem.json");
    let panels = dashboard["panels"].as_array().expect("the dashboard has panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels share a number");

    let mut taken = BTreeSet::new();
    for panel in panels {
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a panel has a place");
        assert!(side("x") + side("w") <= 24, "{} is too wide", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{} lies over another panel", panel["title"]);
            }
        }
    }
}

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

/// Scenario: a document points at a file that was moved.
/// Guarantees: every relative link in the documents leads to a file.
#[test]
fn documents_link_to_files_that_exist() {
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    collect_files(&root().join("docs"), "md", &mut documents);
    for document in documents {
        let content = std::fs::read_to_string(&document).expect("a document can be read");
        let folder = document.parent().expect("a document lies in a folder");
        for link in captures(&content, r"\]\(([^)#\s]+)(?:#[^)]*)?\)") {
            let is_written_from_code = WRITTEN_FROM_CODE.iter().any(|name| link.ends_with(name));
            if !link.contains("://") && !is_written_from_code {
                assert!(
                    folder.join(&link).exists(),
                    "{}: {link} is not there",
                    document.display()
                );
            }
        }
    }
}

/// Scenario: a new error code is added, and its page is forgotten.
/// Guarantees: every code in the source has a page, and the list of pages is complete.
#[test]
fn every_error_code_has_a_page() {
    let list = read("docs/errors/README.md");
    let listed: BTreeSet<_> = captures(&list, r"(?m)^\| \[`([a-z_:]+)`\]").collect();
    let mut pages = Vec::new();
    collect_files(&root().join("docs/errors"), "md", &mut pages);
    let written: BTreeSet<_> = pages
        .iter()
        .filter_map(|page| page.file_stem()?.to_str()?.split_once('-'))
        .map(|(area, name)| format!("{area}::{name}"))
        .collect();
    assert_eq!(listed, written, "docs/errors/README.md lists the pages");

    let mut sources = Vec::new();
    collect_files(&root().join("src"), "rs", &mut sources);
    for source in sources {
        let content = std::fs::read_to_string(&source).expect("a source file can be read");
        for code in captures(&content, "\"((?:config|mapping|test)::[a-z_]+)\"") {
            assert!(
                written.contains(&code),
                "{}: `{code}` has no page in docs/errors",
                source.display()
            );
        }
    }
}

/// Scenario: a map of the set `ecs` keeps what it does not take, and the template forgets where.
/// Guarantees: such objects are flattened, so that an alert's own keys never become fields of the index.
#[test]
fn elastic_template_flattens_what_maps_keep() {
    let template = json("deploy/elastic/index-template.json");
    let maps = std::fs::read_dir(root().join("mappings/ecs")).expect("the maps are there");
    let mut kept = BTreeSet::new();
    for map in maps {
        let map = map.expect("a map can be read").file_name();
        let map = map.to_str().expect("names are text");
        if !map.ends_with(".test.yaml") {
            let map = yaml(&format!("mappings/ecs/{map}"));
            kept.insert(text(&map["unmapped"]["keep_under"]).to_owned());
        }
    }
    assert!(kept.len() >= 9, "{kept:?}");
    for name in kept {
        let field = elastic_field(&template, &name);
        assert!(
            field.is_some_and(|field| field["type"] == "flattened"),
            "{name} is {field:?}"
        );
    }
}

/// Scenario: a map of the set `ecs` writes a field that the template does not know.
/// Guarantees: every field of the golden documents has its type in the template, which is that of the schema if it has one.
#[test]
fn elastic_template_has_every_field() {
    let template = json("deploy/elastic/index-template.json");
    let schema = json("src/map/schema/data/ecs-9.4.0.json");
    let folder = "tests/mappings/snapshots";
    let files = std::fs::read_dir(root().join(folder)).expect("the golden files are there");
    let mut names = BTreeSet::new();
    for file in files {
        let file = file.expect("a golden file can be read").file_name();
        let file = file.to_str().expect("names are text");
        if file.starts_with("mappings__golden__ecs@") {
            let golden = read(&format!("{folder}/{file}"));
            let (_, document) = golden[3..].split_once("\n---\n").expect("it has a head");
            let document = serde_json::from_str(document).unwrap_or_else(|error| panic!("{file}: {error}"));
            elastic_names("", &document, &template, &mut names);
        }
    }
    assert!(names.len() > 60, "{} fields", names.len());
    for name in names {
        let field = elastic_field(&template, &name).unwrap_or_else(|| panic!("{name} has no type"));
        if let Some(known) = schema.get(&name) {
            assert_eq!(field["type"], known["type"], "{name}");
        }
    }
}

/// What an index template says of a dotted name.
fn elastic_field<'t>(template: &'t Value, name: &str) -> Option<&'t Value> {
    let mappings = &template["template"]["mappings"];
    let field = name
        .split('.')
        .try_fold(mappings, |field, part| field.get("properties")?.get(part))?;
    field.get("type").map(|_| field)
}

/// The dotted names of a document down to its values, or to what is flattened.
fn elastic_names(name: &str, value: &Value, template: &Value, names: &mut BTreeSet<String>) {
    let is_flattened = elastic_field(template, name).is_some_and(|field| field["type"] == "flattened");
    match value {
        Value::Object(members) if !is_flattened => {
            for (member, value) in members {
                let inner = match name {
                    "" => member.clone(),
                    _ => format!("{name}.{member}"),
                };
                elastic_names(&inner, value, template, names);
            }
        }
        _ => {
            names.insert(name.to_owned());
        }
    }
}

fn collect_files(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            collect_files(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().map(text)
}

fn captures(content: &str, pattern: &str) -> impl Iterator<Item = String> {
    let found: Vec<_> = Regex::new(pattern)
        .expect("the pattern is valid")
        .captures_iter(content)
        .map(|capture| capture[1].to_owned())
        .collect();
    found.into_iter()
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
    for text in [
        read("deploy/bridge.yaml").replace("/run/secrets", &directory),
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
