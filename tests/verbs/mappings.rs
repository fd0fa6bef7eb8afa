//! `mappings`: list, show, export.

use std::fs;

use super::harness::{MAP, directory, run};

/// Scenario: a map of one's own beside the embedded ones. Guarantees: all are listed, and where each is from.
#[test]
fn every_map_is_listed_with_its_origin() {
    let directory = directory(&[("maps/own/alert.yaml", MAP)]);
    let ended = run(directory.path(), &["mappings", "list", "--mappings", "maps"]);
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
    let row = |name: &str| {
        let row = ended.output.lines().find(|line| line.starts_with(name));
        row.unwrap_or_else(|| panic!("{name}: {}", ended.output))
            .to_owned()
    };
    assert!(row("ecs/alert ").ends_with("embedded"));
    assert!(row("own/alert ").ends_with("maps/own/alert.yaml"));
    assert!(row("native ").contains("every kind"));
}

/// Scenario: show, and a name that is nearly right. Guarantees: the file as it is, or a suggestion and exit 64.
#[test]
fn a_map_is_shown_as_it_is() {
    let directory = directory(&[("maps/own/alert.yaml", MAP)]);
    let ended = run(
        directory.path(),
        &["mappings", "show", "own/alert", "--mappings", "maps"],
    );
    assert_eq!((ended.code, ended.output.as_str()), (Some(0), MAP), "{ended:?}");
    let ended = run(directory.path(), &["mappings", "show", "ecs/alrt"]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(64), ""), "{ended:?}");
    assert!(ended.errors.contains("did you mean `ecs/alert`"), "{ended:?}");
}

/// Scenario: a set is exported twice. Guarantees: the copies are what is shipped and work as overrides; nothing is
/// replaced unless forced.
#[test]
fn exported_maps_override_the_shipped_ones() {
    let directory = directory(&[]);
    let ended = run(directory.path(), &["mappings", "export", "ecs", "--to", "maps"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.output.lines().any(|line| line == "maps/ecs/alert.yaml"),
        "{ended:?}"
    );
    let copy = directory.path().join("maps/ecs/alert.yaml");
    let shipped = run(directory.path(), &["mappings", "show", "ecs/alert"]).output;
    assert_eq!(fs::read_to_string(&copy).expect("it was written"), shipped);
    let listed = run(directory.path(), &["mappings", "list", "--mappings", "maps"]);
    assert!(
        listed
            .output
            .lines()
            .any(|line| line.ends_with("maps/ecs/alert.yaml")),
        "{listed:?}"
    );

    fs::write(&copy, "changed").expect("it is writable");
    let ended = run(directory.path(), &["mappings", "export", "ecs", "--to", "maps"]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(64), ""), "{ended:?}");
    assert!(
        ended.errors.contains("maps/ecs/alert.yaml") && ended.errors.contains("--force"),
        "{ended:?}"
    );
    assert_eq!(fs::read_to_string(&copy).expect("it is there"), "changed");
    let ended = run(
        directory.path(),
        &["mappings", "export", "ecs/alert", "--to", "maps", "--force"],
    );
    let expected = "maps/ecs/alert.test.yaml\nmaps/ecs/alert.yaml\n";
    assert_eq!(
        (ended.code, ended.output.as_str()),
        (Some(0), expected),
        "{ended:?}"
    );
    assert_eq!(fs::read_to_string(&copy).expect("it is there"), shipped);
}

/// Scenario: everything is exported, as copies and as extensions. Guarantees: the copies pass their tests; the extensions
/// can be used as they are, and change nothing.
#[test]
fn exports_work_as_they_are() {
    let directory = directory(&[]);
    let ended = run(directory.path(), &["mappings", "export", "--to", "copies"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = run(directory.path(), &["test", "copies"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let ended = run(
        directory.path(),
        &["mappings", "export", "--to", "own", "--extends"],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let listed = run(directory.path(), &["mappings", "list", "--mappings", "own"]);
    assert_eq!((listed.code, listed.errors.as_str()), (Some(0), ""), "{listed:?}");
    let ended = run(directory.path(), &["test", "copies", "--mappings", "own"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let arguments = [
        "preview",
        "--mapping",
        "ecs/alert",
        "--mappings",
        "own",
        "--input",
        "sample:alert/wire.json",
        "--explain",
    ];
    let ended = run(directory.path(), &arguments);
    assert!(
        ended.errors.contains("map ecs/alert@own-1 (own/ecs/alert.yaml)"),
        "{}",
        ended.errors
    );
    assert!(
        ended.errors.contains("        mappings/ecs/alert.yaml:"),
        "inherited lines keep their place: {}",
        ended.errors
    );
}

/// Scenario: the comments of an extension are made lines. Guarantees: they are what a map can say.
#[test]
fn comments_of_an_extension_show_how_to_go_on() {
    let directory = directory(&[]);
    let ended = run(
        directory.path(),
        &["mappings", "export", "ecs/alert", "--to", "own", "--extends"],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = directory.path().join("own/ecs/alert.yaml");
    let text = fs::read_to_string(&path).expect("it is there");
    let (head, comments) = text.split_once("# remove").expect("it shows `remove`");
    let lines = format!("# remove{comments}").replace("# ", "");
    fs::write(&path, format!("{head}{lines}")).expect("it can be written");
    let ended = run(directory.path(), &["mappings", "list", "--mappings", "own"]);
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
}

/// Scenario: the samples in the program. Guarantees: each name listed can be previewed.
#[test]
fn samples_are_listed() {
    let directory = directory(&[]);
    let ended = run(directory.path(), &["mappings", "samples"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let name = ended
        .output
        .lines()
        .find(|name| name.starts_with("alert/"))
        .expect("there are alerts");
    let input = format!("sample:{name}");
    let ended = run(
        directory.path(),
        &["preview", "--mapping", "ecs", "--input", &input],
    );
    assert_eq!(
        (ended.code, ended.output.lines().count()),
        (Some(0), 1),
        "{ended:?}"
    );
}
