//! Broken copies of good files through the bodies of the fuzz targets, so that every test run tries some.

#[path = "mutations/targets.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

/// Good files with one ending below a folder of the repository.
fn seeds(folders: &[&str], extension: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            extension,
            &mut files,
        );
    }
    files.sort();
    let seeds: Vec<_> = files
        .iter()
        .map(|path| std::fs::read(path).expect("the seed can be read"))
        .collect();
    assert!(!seeds.is_empty(), "there are seeds in {folders:?}");
    seeds
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}

static MAPS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| seeds(&["mappings", "tests/mapping_errors/cases"], "yaml"));
static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds(&["tests/fixtures"], "json"));

/// What happens to a copy; places are parts of its length.
#[derive(Debug, Clone)]
enum Mutation {
    Set(f64, u8),
    Cut(f64, f64),
    End(f64),
    Repeat(f64, f64),
    Insert(f64, &'static str),
    Splice(f64, usize, f64, f64),
}

/// Words that mean something to one of the readers.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "\n",
    "\n  ",
    "\"",
    "'",
    "$",
    ".",
    "|",
    "null",
    "true",
    "-1e999",
    "*a",
    "&a ",
    "<<: ",
    "{\"$ref\":\"1\"}",
    "\"$id\":\"1\",",
    "\\u0000",
    "ä",
    "{.",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = || 0.0..1.0f64;
    let length = || 0.0..0.1f64;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (place(), length()).prop_map(|(at, length)| Mutation::Cut(at, length)),
        place().prop_map(Mutation::End),
        (place(), length()).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        (place(), 0..WORDS.len()).prop_map(|(at, word)| Mutation::Insert(at, WORDS[word])),
        (place(), any::<usize>(), place(), length())
            .prop_map(|(at, other, from, length)| Mutation::Splice(at, other, from, length)),
    ]
}

fn mutate(seeds: &[Vec<u8>], seed: usize, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = seeds[seed % seeds.len()].clone();
    for mutation in mutations {
        let place = |length: usize, part: f64| (length as f64 * part) as usize;
        let range = |length: usize, at: f64, part: f64| {
            let start = place(length, at);
            start..(start + place(length, part) + 1).min(length)
        };
        let length = bytes.len();
        match mutation {
            Mutation::Set(at, byte) => {
                if let Some(found) = bytes.get_mut(place(length, *at)) {
                    *found = *byte;
                }
            }
            Mutation::Cut(at, part) => drop(bytes.drain(range(length, *at, *part))),
            Mutation::End(at) => bytes.truncate(place(length, *at)),
            Mutation::Repeat(at, part) => {
                let range = range(length, *at, *part);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, piece);
            }
            Mutation::Insert(at, word) => {
                let at = place(length, *at);
                bytes.splice(at..at, word.bytes());
            }
            Mutation::Splice(at, other, from, part) => {
                let other = &seeds[other % seeds.len()];
                let piece = other[range(other.len(), *from, *part)].to_vec();
                let at = place(length, *at);
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Scenario: every good file as it is. Guarantees: the targets accept it.
#[test]
fn seeds_pass() {
    MAPS.iter().for_each(|seed| targets::mapping_file(seed));
    BODIES.iter().for_each(|seed| targets::record_body(seed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: mapping files with a few changes. Guarantees: a problem with a message, or a map that runs; no panic.
    #[test]
    fn broken_mapping_files(seed in any::<usize>(), mutations in prop::collection::vec(mutation(), 1..6)) {
        targets::mapping_file(&mutate(&MAPS, seed, &mutations));
    }

    /// Scenario: bodies with a few changes. Guarantees: every record is decoded and rendered as one line of valid JSON or
    /// text, or is a map error; no panic.
    #[test]
    fn broken_bodies(seed in any::<usize>(), mutations in prop::collection::vec(mutation(), 1..6)) {
        targets::record_body(&mutate(&BODIES, seed, &mutations));
    }
}
