//! The folders and names whose change means that something is to be read again.
//!
//! Folders are watched, not files: an editor puts a new file in the place of the old one, and a mounted volume swaps a
//! link, on the way to the file, that a watch of the file would never see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::config::fingerprint::mapping_folders;
use crate::config::reloadable::Sources;

/// Links that are followed on the way to one file; the system follows as many.
const MAX_LINKS: usize = 40;

/// Folders, without links in their paths, and what matters in each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<PathBuf, Names>);

/// Names within one folder.
#[derive(Debug, PartialEq, Eq)]
enum Names {
    All,
    These(BTreeSet<OsString>),
}

impl Places {
    /// Where the configuration file and what it refers to can change. Blocks.
    pub fn of(configuration: &Path, sources: &Sources) -> Self {
        let mut places = Self::default();
        places.follow(configuration);
        for file in &sources.files {
            places.follow(file);
        }
        for folder in sources.mappings.iter().flat_map(|folder| mapping_folders(folder)) {
            let real = places.follow(&folder);
            places.0.insert(real, Names::All);
        }
        places
    }

    /// The folders.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether a change at `path` matters.
    pub fn contains(&self, path: &Path) -> bool {
        let Some((folder, name)) = path.parent().zip(path.file_name()) else {
            return true;
        };
        match self.0.get(folder) {
            Some(Names::All) => true,
            Some(Names::These(names)) => names.contains(name),
            // The folder itself.
            None => self.0.contains_key(path),
        }
    }

    /// Adds the file or folder at `path` and every link on the way to it; gives its path without links.
    fn follow(&mut self, path: &Path) -> PathBuf {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut rest: VecDeque<OsString> = parts(&absolute).collect();
        let mut real = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => {
                    links += 1;
                    self.add(&real, &part);
                    if target.is_absolute() {
                        real = PathBuf::from("/");
                    }
                    parts(&target).rev().for_each(|part| rest.push_front(part));
                }
                _ => {
                    if rest.is_empty() {
                        self.add(&real, &part);
                    }
                    real = next;
                }
            }
        }
        real
    }

    fn add(&mut self, folder: &Path, name: &OsStr) {
        let names = self
            .0
            .entry(folder.to_owned())
            .or_insert_with(|| Names::These(BTreeSet::new()));
        if let Names::These(names) = names {
            names.insert(name.to_owned());
        }
    }
}

/// The names in a path, from the root on.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Scenario: a secret mounted as an orchestrator does it, a configuration file behind a link, a folder of mappings.
    /// Guarantees: every step on the way is watched, and the neighbours are not.
    #[test]
    fn follows_links_step_by_step() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let root = directory.path().canonicalize().expect("it is there");
        for folder in ["secret/..2026_01", "etc", "srv/conf", "maps/ecs", "maps/.git"] {
            fs::create_dir_all(root.join(folder)).expect("it is ours");
        }
        fs::write(root.join("secret/..2026_01/token"), "t").expect("it is ours");
        fs::write(root.join("srv/conf/bridge.yaml"), "").expect("it is ours");
        for (target, link) in [
            ("..2026_01", "secret/..data"),
            ("..data/token", "secret/token"),
            ("../srv/conf/bridge.yaml", "etc/bridge.yaml"),
        ] {
            symlink(target, root.join(link)).expect("it is ours");
        }
        let sources = Sources {
            files: vec![root.join("secret/token"), root.join("not/yet")],
            mappings: vec![root.join("maps")],
        };
        let places = Places::of(&root.join("etc/bridge.yaml"), &sources);
        for (path, matters) in [
            ("secret/token", true),
            ("secret/..data", true),
            ("secret/..2026_01/token", true),
            ("secret/other", false),
            ("etc/bridge.yaml", true),
            ("etc/bridge.yaml.swp", false),
            ("srv/conf/bridge.yaml", true),
            ("srv/conf/other.yaml", false),
            ("maps", true),
            ("maps/own.yaml", true),
            ("maps/ecs/alert.yaml", true),
            ("maps/.git/index", false),
            ("not/yet", true),
            ("out/all.jsonl", false),
        ] {
            assert_eq!(places.contains(&root.join(path)), matters, "{path}");
        }
    }

    #[test]
    fn a_circle_of_links_ends() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let root = directory.path();
        symlink("b", root.join("a")).expect("it is ours");
        symlink("a", root.join("b")).expect("it is ours");
        let places = Places::of(&root.join("a"), &Sources::default());
        assert!(places.contains(&root.canonicalize().expect("it is there").join("b")));
    }
}
