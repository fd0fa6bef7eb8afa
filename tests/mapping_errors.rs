//! Every problem of a mapping file, as its author reads it: `tests/mapping_errors/cases/<code>-<case>.yaml` is a map with
//! one mistake, or a folder of maps, and the snapshot beside it the message.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hub2siem::map::Mappings;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rendered problems of a map or a folder of maps; the paths in it start at the cases.
fn problems(case: &Path) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = match case.is_dir() {
        true => entries(case),
        false => vec![case.to_owned()],
    };
    for file in files {
        let name = file.file_name().expect("a file has a name");
        std::fs::copy(&file, folder.path().join(name)).expect("a file can be copied");
    }
    let rendered = match Mappings::load(Some(folder.path())) {
        Ok(mappings) => mappings.warnings().render(false),
        Err(problems) => problems.render(false),
    };
    rendered.replace(&format!("{}/", folder.path().display()), "")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    paths
}

/// Scenario: one mistake per case. Guarantees: the message has the case's code, names the place and the next step.
#[test]
fn every_message_reads_well() {
    insta::glob!("mapping_errors/cases/*", |case| {
        let rendered = problems(case);
        let name = case
            .file_name()
            .and_then(|name| name.to_str())
            .expect("it is text");
        let code = name.split('-').next().unwrap_or_default();
        assert!(
            code == "all" || rendered.contains(&format!("mapping::{code}\n")),
            "{name}:\n{rendered}"
        );
        for problem in rendered.split("\n\n").filter(|part| part.contains('×')) {
            assert!(problem.contains("help:"), "{name} has no next step:\n{problem}");
        }
        insta::assert_snapshot!(rendered);
    });
}

/// Scenario: the codes that the program can report. Guarantees: each has a case here.
#[test]
fn every_code_has_a_case() {
    let mut codes = BTreeSet::new();
    collect_codes(&root().join("src/map"), &mut codes);
    assert!(codes.len() > 20, "{codes:?}");
    let cases: BTreeSet<String> = entries(&root().join("tests/mapping_errors/cases"))
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.split('-').next().map(str::to_owned))
        .collect();
    let missing: Vec<_> = codes.difference(&cases).collect();
    assert!(
        missing.is_empty(),
        "no case in tests/mapping_errors/cases for {missing:?}"
    );
}

fn collect_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect_codes(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("sources are text");
            let found = text.split("\"mapping::").skip(1);
            codes.extend(found.filter_map(|rest| rest.split('"').next().map(str::to_owned)));
        }
    }
}
