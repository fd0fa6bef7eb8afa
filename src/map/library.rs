//! All mapping sets: those embedded in the binary, and a directory that adds to and overrides them.

mod bases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::compile;
use super::file::{MappingFile, Written};
use super::info::MapInfo;
use super::plan::Plan;
use super::salt::Salt;
use super::set::MappingSet;
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::event::Kind;
use bases::{Origin, Sources};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/mappings");

/// Bytes of a mapping file; the largest shipped one has a tenth of that.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// All sets by name.
#[derive(Debug)]
pub struct Mappings {
    sets: BTreeMap<String, Arc<MappingSet>>,
    /// Names of all sets, also of those that were not asked for.
    names: BTreeSet<String>,
    maps: BTreeMap<String, MapInfo>,
    warnings: Diagnostics,
}

impl Mappings {
    /// Loads the embedded maps and those of `directory`; a map there replaces the embedded one of the same name.
    ///
    /// Files are found as `<directory>/*.yaml` and `<directory>/*/*.yaml`; `*.test.yaml` are no maps. On failure the diagnostics name
    /// every problem of every file.
    pub fn load(directory: Option<&Path>) -> Result<Self, Diagnostics> {
        Self::load_with(MappingOptions {
            directory,
            salt: None,
        })
    }

    /// Like [`Mappings::load`], with all that maps can be given.
    pub fn load_with(options: MappingOptions<'_>) -> Result<Self, Diagnostics> {
        Self::load_sets(options, None)
    }

    /// Like [`Mappings::load_with`], but of the embedded sets only those `wanted` are compiled; a bridge that uses one of them
    /// need not keep the memory that seven take. Own maps are compiled and checked all the same.
    pub fn load_sets(
        options: MappingOptions<'_>,
        wanted: Option<&BTreeSet<&str>>,
    ) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let own = options
            .directory
            .map(|directory| read(directory, &mut diagnostics))
            .unwrap_or_default();
        // An own map may build on any embedded one.
        let reads_all = own.iter().any(|source| source.text.contains("extends"));
        let directory = parse_all(own, &mut diagnostics);
        let own_sets: BTreeSet<String> = directory.keys().map(|name| set_of(name).to_owned()).collect();
        let is_wanted =
            |set: &str| wanted.is_none_or(|wanted| wanted.contains(set)) || own_sets.contains(set);
        let sources = Sources {
            embedded: parse_all(embedded(|set| reads_all || is_wanted(set)), &mut diagnostics),
            directory,
        };
        let mut maps: BTreeMap<String, Map> = BTreeMap::new();
        for (origin, names) in [
            (Origin::Embedded, sources.embedded.keys()),
            (Origin::Directory, sources.directory.keys()),
        ] {
            for name in names.filter(|name| origin == Origin::Directory || is_wanted(set_of(name))) {
                if let Some(map) = compiled(&sources, origin, name, options.salt.as_ref(), &mut diagnostics) {
                    maps.insert(map.file.name.clone(), map);
                }
            }
        }
        let infos = maps
            .iter()
            .map(|(name, map)| (name.clone(), map.info.clone()))
            .collect();
        let sets = sets(maps, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let folders = EMBEDDED.dirs().filter_map(|folder| folder.path().to_str());
        let names = folders.map(str::to_owned).chain(sets.keys().cloned()).collect();
        Ok(Self {
            sets,
            names,
            maps: infos,
            warnings: diagnostics,
        })
    }

    /// The set called `name`; `None` also for one that was not asked for.
    pub fn set(&self, name: &str) -> Option<Arc<MappingSet>> {
        self.sets.get(name).cloned()
    }

    /// Names of all sets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
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

/// What maps are made of besides the embedded files.
#[derive(Debug, Clone, Default)]
pub struct MappingOptions<'p> {
    /// A folder of maps that add to the embedded ones and override those of the same name.
    pub directory: Option<&'p Path>,
    /// What `sha256` mixes in; a map that uses it is refused without.
    pub salt: Option<Salt>,
}

/// A compiled map with what its set needs to know of it.
struct Map {
    file: MappingFile,
    info: MapInfo,
    name_span: std::ops::Range<usize>,
    plan: Arc<Plan>,
}

/// Every file that is shipped below `mappings/`, maps and tests: its path from there, and its text.
pub fn shipped() -> impl Iterator<Item = (&'static Path, &'static str)> {
    let files = EMBEDDED.dirs().flat_map(|folder| folder.files());
    files.filter_map(|file| Some((file.path(), file.contents_utf8()?)))
}

/// The set that the map called `name` belongs to.
fn set_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(set, _)| set)
}

fn embedded(is_wanted: impl Fn(&str) -> bool) -> Vec<SourceFile> {
    let folders = EMBEDDED
        .dirs()
        .filter(|folder| folder.path().to_str().is_some_and(&is_wanted));
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

/// The files of one origin by the name of their map; the same name twice is an error.
fn parse_all(sources: Vec<SourceFile>, diagnostics: &mut Diagnostics) -> BTreeMap<String, Written> {
    let mut files: BTreeMap<String, Written> = BTreeMap::new();
    for source in sources {
        let written = match Written::parse(source) {
            Ok(written) => written,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        let name = written.name().unwrap_or(&written.source.name).to_owned();
        if let Some(first) = files.get(&name) {
            let message = format!("two files are called `{name}`");
            let help = format!(
                "the other one is {}; give each map a name of its own",
                first.source.name
            );
            let span = name_span(&written);
            diagnostics.push(
                Diagnostic::new("mapping::duplicate_name", message)
                    .at(&written.source, span, "this one")
                    .help(help),
            );
            continue;
        }
        files.insert(name, written);
    }
    files
}

fn name_span(written: &Written) -> std::ops::Range<usize> {
    written.node.get("name").map_or(0..0, |node| node.span.clone())
}

/// One map with all it extends, compiled.
fn compiled(
    sources: &Sources,
    origin: Origin,
    name: &str,
    salt: Option<&Salt>,
    diagnostics: &mut Diagnostics,
) -> Option<Map> {
    let mut found = Diagnostics::default();
    let whole = sources.whole(origin, name, &mut found);
    // A base that is wrong in itself is met once as a map and once for each that extends it.
    diagnostics.add_new(found.0);
    let whole = whole?;
    let mut found = Diagnostics::default();
    let file = MappingFile::of(&whole, &mut found);
    let plan = file
        .as_ref()
        .and_then(|file| compile::map(file, salt, &mut found));
    let seen = match &file {
        Some(file) => bases::seen(&whole, file, found),
        None => found
            .0
            .into_iter()
            .map(|problem| whole.relocate(problem))
            .collect(),
    };
    diagnostics.add_new(seen);
    let file = file?;
    Some(Map {
        name_span: name_span(&whole),
        info: MapInfo::of(&file, &whole, origin == Origin::Embedded),
        plan: Arc::new(plan?),
        file,
    })
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
            diagnostics.push(
                Diagnostic::new("mapping::unreachable", message)
                    .at(&map.file.source, map.name_span.clone(), "this map")
                    .help("give one of them a guard: `when: condition`"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
