//! Records to try maps on: those embedded in the program, and those of a folder.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/fixtures");

/// Folder of bodies that are no JSON; no map ever sees them.
const INVALID: &str = "invalid";

/// Where samples come from.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// A folder beside the embedded ones.
    pub directory: Option<PathBuf>,
}

/// The body of one event.
#[derive(Debug, Clone)]
pub struct Sample {
    /// `kind/name.json`.
    pub name: String,
    /// What the event carries.
    pub body: Vec<u8>,
}

impl Samples {
    /// The body at `path`: beside `folder`, in the folder of samples, or embedded, in that order. `None` if nowhere.
    pub fn body(&self, path: &str, folder: Option<&Path>) -> Option<Vec<u8>> {
        let folders = folder.into_iter().chain(self.directory.as_deref());
        folders
            .map(|folder| folder.join(path))
            .find_map(|path| std::fs::read(path).ok())
            .or_else(|| embedded(path).map(<[u8]>::to_vec))
    }

    /// Every sample a map can see, in name order.
    pub fn all(&self) -> std::io::Result<Vec<Sample>> {
        let mut samples: Vec<_> = embedded_files()
            .filter(|(name, _)| !name.starts_with(INVALID))
            .map(|(name, body)| Sample {
                name,
                body: body.to_vec(),
            })
            .collect();
        if let Some(directory) = &self.directory {
            add(directory, directory, &mut samples)?;
        }
        samples.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(samples)
    }
}

/// The embedded sample called `name`.
pub fn embedded(name: &str) -> Option<&'static [u8]> {
    EMBEDDED.get_file(name).map(|file| file.contents())
}

/// Names of all embedded samples, in order.
pub fn names() -> Vec<String> {
    let mut names: Vec<_> = embedded_files().map(|(name, _)| name).collect();
    names.sort();
    names
}

fn embedded_files() -> impl Iterator<Item = (String, &'static [u8])> {
    let files = EMBEDDED.dirs().flat_map(|folder| folder.files());
    files
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|file| (file.path().display().to_string(), file.contents()))
}

fn add(root: &Path, folder: &Path, samples: &mut Vec<Sample>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add(root, &path, samples)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            samples.push(Sample {
                name: path.strip_prefix(root).unwrap_or(&path).display().to_string(),
                body: std::fs::read(&path)?,
            });
        }
    }
    Ok(())
}
