//! `--input`: bodies of events, from files, folders, standard input and the samples in the program.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::cli::exit::Failure;
use crate::mapping_test::sample;

/// The body of one event.
#[derive(Debug)]
pub(super) struct Body {
    /// How messages call it.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// The bodies that `inputs` stand for, in order.
pub(super) fn bodies(inputs: &[String]) -> Result<Vec<Body>, Failure> {
    let mut bodies = Vec::new();
    for input in inputs {
        add(input, &mut bodies).map_err(Failure::Usage)?;
    }
    Ok(bodies)
}

fn add(input: &str, bodies: &mut Vec<Body>) -> anyhow::Result<()> {
    if input == "-" {
        let mut content = Vec::new();
        std::io::stdin()
            .read_to_end(&mut content)
            .context("failed to read standard input")?;
        bodies.push(Body {
            name: "standard input".to_owned(),
            content,
        });
    } else if let Some(name) = input.strip_prefix("sample:") {
        let content = sample::embedded(name)
            .ok_or_else(|| anyhow!("there is no sample `{name}`; `hub2siem mappings samples` lists them"))?;
        bodies.push(Body {
            name: input.to_owned(),
            content: content.to_vec(),
        });
    } else {
        for path in files(Path::new(input))? {
            let content =
                std::fs::read(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            bodies.push(Body {
                name: path.display().to_string(),
                content,
            });
        }
    }
    Ok(())
}

/// The file itself, or the `.json` files of a folder and of all below it, in name order.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let mut entries = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            found.extend(files(&entry)?);
        } else if entry
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "jsonl")
        {
            found.push(entry);
        }
    }
    Ok(found)
}
