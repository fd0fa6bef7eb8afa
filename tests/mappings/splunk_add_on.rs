//! The add-on under `deploy/splunk/`: its files are parsed, and its searches run over what the set `splunk-cim` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hub2siem::event::Kind;
use serde_json::Value;

use crate::support::{Rendered, mapped};

/// Stanzas of a configuration file by name, each with its settings.
type Stanzas = BTreeMap<String, BTreeMap<String, String>>;

/// Settings of `props.conf` that the add-on may use; Splunk ignores a misspelt one without a word.
const PROPERTIES: [&str; 4] = ["KV_MODE", "SHOULD_LINEMERGE", "DATETIME_CONFIG", "TRUNCATE"];

/// Fields that the target sends as indexed fields and the maps write, too.
const TWICE: [&str; 3] = ["kind", "event_id", "is_snapshot"];

/// Scenario: every fixture in the form of `splunk-cim`, searched by the event types.
/// Guarantees: a record has the tags of the data model it belongs to, and no others.
#[test]
fn event_types_find_what_belongs_to_a_model() {
    let event_types = stanzas("default/eventtypes.conf");
    let tags = stanzas("default/tags.conf");
    let mut found = BTreeMap::new();
    for (path, record) in mapped("splunk-cim") {
        let output = record.json();
        let tags: Vec<_> = event_types
            .iter()
            .filter(|(_, settings)| Search::parse(&settings["search"]).finds(&record, &output))
            .flat_map(|(name, _)| tags[&format!("eventtype={name}")].keys().map(String::as_str))
            .collect();
        let expected: &[&str] = match output.get("cim_model").and_then(Value::as_str) {
            Some("Alerts") => &["alert"],
            Some("Vulnerabilities") => &["report", "vulnerability"],
            _ => &[],
        };
        assert_eq!(tags, expected, "{}", path.display());
        *found.entry(tags.join(" ")).or_insert(0) += 1;
    }
    assert_eq!(found.len(), 3, "all three cases are met: {found:?}");
}

/// Scenario: every fixture in the form of `splunk-cim`, and the calculated fields of its source type.
/// Guarantees: a field that arrives as a list is found by its own name, as data models look for it, and no calculated
/// field is without a list.
#[test]
fn lists_are_found_by_their_own_names() {
    let mut arrived: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, record) in mapped("splunk-cim") {
        let output = record.json();
        let members = output.as_object().expect("the output is an object").iter();
        let lists = members.filter(|(_, value)| value.is_array());
        let names = lists.map(|(name, _)| name.clone());
        let source_type = format!("mdc:{}", record.kind);
        arrived.entry(source_type).or_default().extend(names);
    }
    for (source_type, settings) in stanzas("default/props.conf") {
        let calculated = settings.iter().filter_map(|(setting, value)| {
            let name = setting.strip_prefix("EVAL-")?;
            (*value == format!("coalesce('{name}{{}}', {name})")).then(|| name.to_owned())
        });
        let arrived = arrived.remove(&source_type).unwrap_or_default();
        assert_eq!(calculated.collect::<BTreeSet<_>>(), arrived, "{source_type}");
    }
    assert!(arrived.is_empty(), "no source type has {arrived:?}");
}

/// Scenario: the files as they stand.
/// Guarantees: every kind has its source type with known settings, fields that arrive twice are shown once, and event
/// types and tags name each other.
#[test]
fn the_files_fit_each_other() {
    let properties = stanzas("default/props.conf");
    let source_types = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Undecodable)
        .map(|kind| format!("mdc:{kind}"));
    let mut expected: Vec<_> = source_types.collect();
    expected.sort();
    assert_eq!(properties.keys().cloned().collect::<Vec<_>>(), expected);
    for (name, settings) in &properties {
        for field in TWICE {
            assert_eq!(
                settings[&format!("EVAL-{field}")],
                format!("mvindex({field}, 0)"),
                "{name}"
            );
        }
        for setting in settings.keys().filter(|setting| !setting.starts_with("EVAL-")) {
            assert!(PROPERTIES.contains(&setting.as_str()), "{name}: {setting}");
        }
    }
    let event_types = stanzas("default/eventtypes.conf");
    let tags = stanzas("default/tags.conf");
    let tagged: Vec<_> = tags
        .keys()
        .map(|name| {
            name.strip_prefix("eventtype=")
                .expect("only event types have tags")
        })
        .collect();
    assert_eq!(tagged, event_types.keys().collect::<Vec<_>>());
    assert!(
        tags.values()
            .flat_map(BTreeMap::values)
            .all(|value| value == "enabled")
    );
    assert_eq!(stanzas("metadata/default.meta")[""]["export"], "system");
    let app = stanzas("default/app.conf");
    assert_eq!(
        app["package"]["id"], "TA-hub2siem",
        "it is the name of the folder"
    );
}

/// Reads a configuration file by Splunk's rules, as far as the add-on uses them: a repeated stanza or setting would
/// silently replace the first.
fn stanzas(file: &str) -> Stanzas {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/splunk/TA-hub2siem");
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut stanzas = Stanzas::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let is_new = stanzas.insert(name.to_owned(), BTreeMap::new()).is_none();
            assert!(is_new, "{file}: [{name}] stands twice");
            current = Some(name.to_owned());
            continue;
        }
        let (setting, value) = line.split_once('=').unwrap_or_else(|| panic!("{file}: {line}"));
        let name = current
            .as_ref()
            .unwrap_or_else(|| panic!("{file}: {line} stands in no stanza"));
        let settings = stanzas.get_mut(name).expect("it was inserted");
        let is_new = settings
            .insert(setting.trim().to_owned(), value.trim().to_owned())
            .is_none();
        assert!(is_new, "{file}: {setting} stands twice in [{name}]");
    }
    assert!(!stanzas.is_empty(), "{file} says something");
    stanzas
}

/// A search of terms `field=value`, joined by blanks (all) and `OR` in parentheses.
struct Search {
    /// All of these, each one of several terms.
    groups: Vec<Vec<(String, String)>>,
}

impl Search {
    fn parse(text: &str) -> Self {
        let mut groups = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (group, after) = match rest.strip_prefix('(') {
                Some(inner) => inner.split_once(')').expect("the group ends"),
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            let terms = group.split(" OR ").map(|term| {
                let (field, value) = term.trim().split_once('=').expect("a term is field=value");
                assert!(!value.contains(char::is_whitespace), "{text}");
                (field.to_owned(), value.to_owned())
            });
            groups.push(terms.collect());
            rest = after.trim();
        }
        Self { groups }
    }

    fn finds(&self, record: &Rendered, output: &Value) -> bool {
        let is_met = |(field, value): &(String, String)| match field.as_str() {
            "sourcetype" => *value == format!("mdc:{}", record.kind),
            field => output[field] == value.as_str(),
        };
        self.groups.iter().all(|terms| terms.iter().any(is_met))
    }
}
