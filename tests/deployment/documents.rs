//! Links between documents, and the pages of error codes.

use std::collections::BTreeSet;

use crate::files::{captures, collect_files, read, root};

/// Documents with a test of their own, which says how to write them anew.
const WRITTEN_FROM_CODE: [&str; 2] = ["configuration.md", "metrics.md"];

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
