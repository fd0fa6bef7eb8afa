//! What stands in the files that a configuration refers to, for telling whether they changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::reloadable::Sources;

/// A hash of each file; `None` for one that cannot be read. Holds no content: some of it is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Fingerprint {
    /// Reads every file of `sources` now. Blocks.
    pub fn of(sources: &Sources) -> Self {
        let mappings = sources.mappings.iter().flat_map(|folder| mapping_files(folder));
        let files = sources.files.iter().cloned().chain(mappings);
        Self(files.map(|path| (path.clone(), hash(&path))).collect())
    }

    /// Adds one file more. Blocks.
    pub fn with(mut self, path: &Path) -> Self {
        self.0.insert(path.to_owned(), hash(path));
        self
    }

    /// Adds one file more, as it was when it was read before.
    pub fn with_text(mut self, path: &Path, text: &str) -> Self {
        self.0.insert(path.to_owned(), Some(Sha256::digest(text).into()));
        self
    }

    /// The files that differ in `other`, are new there or are gone, in name order.
    pub fn differing<'f>(&'f self, other: &'f Self) -> Vec<&'f Path> {
        let is_changed = |path: &&PathBuf| self.0.get(*path) != other.0.get(*path);
        let gone = self.0.keys().filter(|path| !other.0.contains_key(*path));
        let mut paths: Vec<&Path> = other
            .0
            .keys()
            .filter(is_changed)
            .chain(gone)
            .map(PathBuf::as_path)
            .collect();
        paths.sort_unstable();
        paths
    }
}

/// The folder of mappings and the folders in it, without those in which mounted volumes keep their versions.
pub fn mapping_folders(folder: &Path) -> Vec<PathBuf> {
    let inner = entries(folder).into_iter().filter(|path| path.is_dir());
    std::iter::once(folder.to_owned()).chain(inner).collect()
}

fn mapping_files(folder: &Path) -> Vec<PathBuf> {
    let files = mapping_folders(folder)
        .into_iter()
        .flat_map(|folder| entries(&folder));
    files.filter(|path| is_yaml(path) && path.is_file()).collect()
}

/// What is in a folder and not hidden; nothing if it cannot be read, which the loader reports.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let visible = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    visible.map(|entry| entry.path()).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn hash(path: &Path) -> Option<[u8; 32]> {
    fs::read(path).ok().map(|content| Sha256::digest(content).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_changed() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let root = directory.path();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).expect("it is ours");
        fs::create_dir_all(root.join("maps/ecs")).expect("it is ours");
        write("token", "a");
        write("maps/own.yaml", "a");
        write("maps/ecs/alert.yaml", "a");
        write("maps/readme.md", "a");
        let sources = Sources {
            files: vec![root.join("token"), root.join("none")],
            mappings: vec![root.join("maps")],
        };
        let mut before = Fingerprint::of(&sources);
        let mut expect = |names: &[&str]| {
            let after = Fingerprint::of(&sources);
            let found: Vec<PathBuf> = before.differing(&after).into_iter().map(PathBuf::from).collect();
            assert_eq!(
                found,
                names.iter().map(|name| root.join(name)).collect::<Vec<_>>()
            );
            before = after;
        };
        expect(&[]);
        write("maps/readme.md", "b");
        write("maps/.hidden.yaml", "b");
        expect(&[]);
        write("maps/ecs/alert.yaml", "b");
        write("maps/ecs/more.yaml", "b");
        write("token", "b");
        expect(&["maps/ecs/alert.yaml", "maps/ecs/more.yaml", "token"]);
        fs::remove_file(root.join("maps/own.yaml")).expect("it is there");
        write("none", "now there");
        expect(&["maps/own.yaml", "none"]);
    }
}
