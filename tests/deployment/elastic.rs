//! The index template for Elasticsearch against the maps of the set `ecs`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::files::{json, read, root, text, yaml};

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
