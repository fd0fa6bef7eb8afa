use super::*;

const MAP: &str = r#"format: 1
name: own/any
revision: 1
record: unknown
unmapped: { keep_under: rest.of }
let:
  host: .Entities[Type=host] | first
  both: { first_of: [.a, .b] }
  steps: { first_of: [".Steps[]", ".More.Steps[]"] }
tables:
  numbers: { one: 1 }
fields:
  name: $host.HostName
  either: $both | lower
  number: { lookup: numbers, key: .Number, otherwise: .Other }
  chosen: { when: { .Kind: x }, use: fixed }
  at: $record.time
  text: { text: "{.a}@{.c}" }
  step: $steps[].Name | first
  whole: .Object | json
  list:
    each: .Parts[]
    as: part
    make: { object: { id: $part.Id, whole.of: .a } }
"#;

/// Scenario: a map with each way in which a path can lead to a field. Guarantees: every one is found, through `let` values
/// and variables, and what is left over stands where the map keeps it.
#[test]
fn every_way_to_a_field_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("any.yaml"), MAP).expect("a map can be written");
    let mappings = Mappings::load(Some(folder.path())).unwrap_or_else(|problems| panic!("{problems}"));
    let all = coverage(&mappings);
    let unknown = all.iter().find(|coverage| coverage.kind == Kind::Unknown);
    let unknown = unknown.expect("unknown records can be routed");
    let of = |path: &str| {
        let row = unknown.rows.get(&path.to_ascii_lowercase());
        let targets = row.and_then(|row| row.targets.get("own"));
        targets.map_or_else(String::new, |targets| targets.join(" "))
    };
    for (path, targets) in [
        (".Entities[Type=host].HostName", "name"),
        (".a", "either text list.whole.of"),
        (".b", "either"),
        (".c", "text"),
        (".Number", "number"),
        (".Other", "number"),
        (".Kind", "chosen"),
        ("$record.time", "at"),
        (".Parts[].Id", "list.id"),
        (".Steps[].Name", "step"),
        (".More.Steps[].Name", "step"),
        (".Parts[]", ""),
    ] {
        assert_eq!(of(path), targets, "{path}");
    }
    for (path, is_within) in [
        (".Object.Part", true),
        (".object[].Part", true),
        (".ObjectOfAnotherName", false),
        (".Object", false),
        (".Absent.Part", false),
    ] {
        assert_eq!(unknown.is_within_a_field(path, "own"), is_within, "{path}");
        assert!(!unknown.is_within_a_field(path, "ecs"), "{path}");
    }
    let own = unknown.leftovers.iter().find(|(set, _)| set == "own");
    assert_eq!(
        own.map(|(_, leftovers)| leftovers),
        Some(&Leftovers::Kept("rest.of".to_owned()))
    );
    let ecs = unknown.leftovers.iter().find(|(set, _)| set == "ecs");
    assert_eq!(ecs.map(|(_, leftovers)| leftovers), Some(&Leftovers::NoMap));
}
