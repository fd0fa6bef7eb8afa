//! All mapping sets: those embedded in the binary, and a directory that adds to and overrides them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::compile;
use super::file::MappingFile;
use super::info::MapInfo;
use super::plan::Plan;
use super::set::MappingSet;
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::event::Kind;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/mappings");

/// Bytes of a mapping file; the largest shipped one has a tenth of that.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// All sets by name.
#[derive(Debug)]
pub struct Mappings {
    sets: BTreeMap<String, Arc<MappingSet>>,
    maps: BTreeMap<String, MapInfo>,
    warnings: Diagnostics,
}

impl Mappings {
    /// Loads the embedded maps and those of `directory`; a map there replaces the embedded one of the same name.
    ///
    /// Files are found as `<directory>/*.yaml` and `<directory>/*/*.yaml`; `*.test.yaml` are no maps. On failure the diagnostics name
    /// every problem of every file.
    pub fn load(directory: Option<&Path>) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let embedded = embedded();
        let own = directory
            .map(|directory| read(directory, &mut diagnostics))
            .unwrap_or_default();
        let mut maps = BTreeMap::new();
        let mut infos = BTreeMap::new();
        for (is_embedded, sources) in [(true, embedded), (false, own)] {
            for (name, map) in compile_all(sources, &mut diagnostics) {
                infos.insert(name.clone(), MapInfo::of(&map.file, is_embedded));
                maps.insert(name, map);
            }
        }
        let sets = sets(maps, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Self {
            sets,
            maps: infos,
            warnings: diagnostics,
        })
    }

    /// The set called `name`.
    pub fn set(&self, name: &str) -> Option<Arc<MappingSet>> {
        self.sets.get(name).cloned()
    }

    /// Names of all sets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// All maps, in name order.
    pub fn maps(&self) -> impl Iterator<Item = &MapInfo> {
        self.maps.values()
    }

    /// The map called `name`, `ecs/alert`.
    pub fn map(&self, name: &str) -> Option<&MapInfo> {
        self.maps.get(name)
    }

    /// The set whose name is nearest to `name`, for `did you mean`.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names())
    }

    /// What the files were warned about.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }
}

/// A compiled map with what its set needs to know of it.
struct Map {
    file: MappingFile,
    plan: Arc<Plan>,
}

/// Every file that is shipped below `mappings/`, maps and tests: its path from there, and its text.
pub fn shipped() -> impl Iterator<Item = (&'static Path, &'static str)> {
    let files = EMBEDDED.dirs().flat_map(|folder| folder.files());
    files.filter_map(|file| Some((file.path(), file.contents_utf8()?)))
}

fn embedded() -> Vec<SourceFile> {
    let folders = EMBEDDED.dirs();
    let files = folders.flat_map(|folder| folder.files());
    files
        .filter(|file| is_map(file.path()))
        .map(|file| SourceFile {
            name: format!("mappings/{}", file.path().display()).into(),
            text: file.contents_utf8().expect("embedded maps are text").into(),
        })
        .collect()
}

fn read(directory: &Path, diagnostics: &mut Diagnostics) -> Vec<SourceFile> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(directory, diagnostics)
        .into_iter()
        .partition(|path| path.is_dir());
    for folder in folders.iter().filter(|folder| !is_hidden(folder)) {
        files.extend(entries(folder, diagnostics));
    }
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| is_map(path)) {
        match read_file(path) {
            Ok(text) => sources.push(SourceFile {
                name: path.display().to_string().into(),
                text: text.into(),
            }),
            Err(error) => diagnostics.push(unreadable(path, &error)),
        }
    }
    sources
}

fn entries(directory: &Path, diagnostics: &mut Diagnostics) -> Vec<std::path::PathBuf> {
    match std::fs::read_dir(directory) {
        Ok(entries) => {
            let mut paths: Vec<_> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .collect();
            paths.sort();
            paths
        }
        Err(error) => {
            diagnostics.push(unreadable(directory, &error));
            Vec::new()
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {MAX_FILE_BYTES} bytes"
        )));
    }
    std::fs::read_to_string(path)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(
        "mapping::unreadable",
        format!("cannot read `{}`: {error}", path.display()),
    )
    .help("check `mappings_directory` and the permissions of its files")
}

/// Any YAML file but tests.
fn is_map(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    is_yaml && !is_hidden(path) && !name.ends_with(".test.yaml") && !name.ends_with(".test.yml")
}

/// Mounted volumes keep their versions in folders such as `..data`; what counts are the links beside them.
fn is_hidden(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with('.')
}

/// Maps of one origin by name; the same name twice is an error.
fn compile_all(sources: Vec<SourceFile>, diagnostics: &mut Diagnostics) -> BTreeMap<String, Map> {
    let mut maps: BTreeMap<String, Map> = BTreeMap::new();
    for source in sources {
        let Some(file) = MappingFile::read(source, diagnostics) else {
            continue;
        };
        if let Some(first) = maps.get(&file.name) {
            let message = format!("two files are called `{}`", file.name);
            let help = format!(
                "the other one is {}; give each map a name of its own",
                first.file.source.name
            );
            let start = file.source.text.find(&file.name).unwrap_or_default();
            let span = start..start + file.name.len();
            diagnostics.push(
                Diagnostic::new("mapping::duplicate_name", message)
                    .at(&file.source, span, "this one")
                    .help(help),
            );
            continue;
        }
        if let Some(plan) = compile::map(&file, diagnostics) {
            maps.insert(
                file.name.clone(),
                Map {
                    plan: Arc::new(plan),
                    file,
                },
            );
        }
    }
    maps
}

fn sets(maps: BTreeMap<String, Map>, diagnostics: &mut Diagnostics) -> BTreeMap<String, Arc<MappingSet>> {
    let mut by_set: BTreeMap<String, Vec<Map>> = BTreeMap::new();
    for map in maps.into_values() {
        by_set.entry(map.file.set().to_owned()).or_default().push(map);
    }
    by_set.insert("native".to_owned(), Vec::new());
    by_set
        .into_iter()
        .map(|(name, mut maps)| {
            // Stable: within each half the maps stay in name order.
            maps.sort_by_key(|map| map.plan.guard.is_none());
            check_unguarded(&maps, diagnostics);
            check_outputs(&name, &maps, diagnostics);
            let plans = maps.into_iter().map(|map| (map.file.kind, map.plan));
            let set = Arc::new(MappingSet::new(&name, plans));
            (name, set)
        })
        .collect()
}

/// A target takes one kind of output. A text format has no `native` to fall back to: its map for unknown records takes
/// every kind without a map.
fn check_outputs(set: &str, maps: &[Map], diagnostics: &mut Diagnostics) {
    let Some(first) = maps.first() else {
        return;
    };
    let mut report = |map: &Map, code: &'static str, message: String, help: String| {
        let start = map.file.source.text.find(&map.file.name).unwrap_or_default();
        diagnostics.push(
            Diagnostic::new(code, message)
                .at(&map.file.source, start..start + map.file.name.len(), "this map")
                .help(help),
        );
    };
    let output = first.file.output;
    for map in maps.iter().filter(|map| map.file.output != output) {
        let message = format!(
            "`{}` writes {}, and `{}` of the same set writes {}",
            map.file.name,
            map.file.output.name(),
            first.file.name,
            output.name()
        );
        let help = "all maps of a set write the same; give this one a set of its own".to_owned();
        report(map, "mapping::mixed_outputs", message, help);
    }
    let takes_all = |map: &Map| map.file.kind == Kind::Unknown && map.plan.guard.is_none();
    if output.is_text() && !maps.iter().any(takes_all) {
        let message = format!("set `{set}` has no map for unknown records");
        let help = format!(
            "add `{set}/unknown` with `record: unknown` and no `when`; a record without a map cannot be sent as JSON"
        );
        report(first, "mapping::missing_unknown", message, help);
    }
}

/// Of two maps without guard for one kind the second would never be used.
fn check_unguarded(maps: &[Map], diagnostics: &mut Diagnostics) {
    for (index, map) in maps
        .iter()
        .enumerate()
        .filter(|(_, map)| map.plan.guard.is_none())
    {
        let earlier = maps[..index]
            .iter()
            .find(|earlier| earlier.plan.guard.is_none() && earlier.file.kind == map.file.kind);
        if let Some(earlier) = earlier {
            let message = format!(
                "`{}` is never used: `{}` already takes every {}",
                map.file.name, earlier.file.name, map.file.kind
            );
            let start = map.file.source.text.find(&map.file.name).unwrap_or_default();
            diagnostics.push(
                Diagnostic::new("mapping::unreachable", message)
                    .at(&map.file.source, start..start + map.file.name.len(), "this map")
                    .help("give one of them a guard: `when: condition`"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
