//! Shipped maps and tests, written into a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::{ExportArguments, find};
use crate::cli::exit::Failure;
use crate::cli::load;
use crate::cli::output;
use crate::map::explain::HEADER;
use crate::map::library::shipped;
use crate::map::{MapInfo, Mappings};

/// A file to write: its path below the folder, and its text.
type Exported = (PathBuf, String);

/// Writes what was asked for and prints each path. Nothing is written if a file is in the way, unless forced.
pub(super) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    let mappings = load::mappings(None)?;
    let maps = maps(arguments.what.as_deref(), &mappings)?;
    let files: Vec<Exported> = match arguments.extends {
        true => maps.iter().map(|map| skeleton(map)).collect(),
        false => maps.iter().flat_map(|map| copies(map)).collect(),
    };
    let files: Vec<Exported> = files
        .into_iter()
        .map(|(path, text)| (arguments.to.join(path), text))
        .collect();
    let in_the_way: Vec<_> = files
        .iter()
        .filter(|(path, _)| !arguments.force && path.exists())
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !in_the_way.is_empty() {
        let message = format!("already there: {}; `--force` replaces", in_the_way.join(", "));
        return Err(Failure::Usage(anyhow!(message)));
    }
    for (path, text) in &files {
        write(path, text).map_err(Failure::Usage)?;
        output::line(path.display().to_string().as_bytes())?;
    }
    Ok(())
}

fn maps<'m>(what: Option<&str>, mappings: &'m Mappings) -> Result<Vec<&'m MapInfo>, Failure> {
    let Some(what) = what else {
        return Ok(mappings.maps().collect());
    };
    let maps: Vec<_> = mappings.maps().filter(|map| map.set() == what).collect();
    match maps.is_empty() {
        false => Ok(maps),
        true => find(what, mappings).map(|map| vec![map]),
    }
}

/// The map's file and its tests.
fn copies(map: &MapInfo) -> Vec<Exported> {
    let own = Path::new(&*map.source.name);
    let own = own.strip_prefix("mappings").unwrap_or(own);
    let stem = own.with_extension("");
    let tests = stem.with_extension("test.yaml");
    shipped()
        .filter(|(path, _)| *path == own || *path == tests)
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

/// A map that changes nothing yet.
fn skeleton(map: &MapInfo) -> Exported {
    let MapInfo { name, kind, .. } = map;
    let fields = map.output.fields_key();
    let mut names = map.fields.iter().map(|field| field.name.as_str());
    // One that YAML takes without quotes.
    let is_word = |name: &str| name.starts_with(|first: char| first.is_ascii_alphabetic());
    let example = names
        .find(|name| !name.starts_with(HEADER) && is_word(name))
        .unwrap_or("name");
    let text = format!(
        "# Extends the shipped map `{name}`: what is written here replaces or adds, everything else stays, also when a\n\
         # later version changes it. `hub2siem mappings show {name}` prints the shipped map.\n\
         format: 1\n\
         name: {name}\n\
         revision: own-1\n\
         record: {kind}\n\
         extends: {name}\n\
         # remove: [{example}]\n\
         # {fields}:\n\
         #   {example}: a value of your own\n"
    );
    (PathBuf::from(format!("{name}.yaml")), text)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("failed to write `{}`", path.display()))
}
