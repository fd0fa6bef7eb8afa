//! A source: the blobs of another consumer.

use std::collections::HashMap;

use super::raw::{Content, Item, Raw};
use crate::checkpoint::blob::source::{Container, Contents, Listed};
use crate::checkpoint::blob::{self, Settings};
use crate::checkpoint::legacy::{Choice, Form, Layout, Names};
use crate::cli::checkpoint::view::failure;
use crate::cli::exit::Failure;
use crate::event::PartitionId;

/// Partitions that are looked for where the hub does not say how many it has; more it cannot have.
const MAX_PARTITIONS: u32 = 2048;

/// An ownership that was renewed within this time is that of a consumer that runs: twice the longest default interval.
const ACTIVE_MILLIS: i64 = 60_000;

/// Where the positions are, and which are ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    /// Who wrote them.
    pub(super) layout: Layout,
    /// Whose they are.
    pub(super) names: Names<'p>,
    /// What the names of our own checkpoints begin with, where they stand in the same container.
    pub(super) own: Option<&'p str>,
}

/// Lists the container, and reads the blob of each partition.
pub(super) async fn read(
    settings: &Settings,
    place: Place<'_>,
    partitions: Option<&[PartitionId]>,
) -> Result<Raw, Failure> {
    let container = Container::new(settings).map_err(refused)?;
    let contents = container.list().await.map_err(refused)?;
    let candidates = candidates(&contents, place);
    let partitions = match partitions {
        Some(partitions) => partitions.to_vec(),
        None => {
            let numbers = 0..MAX_PARTITIONS;
            numbers
                .map(|number| PartitionId::new(number.to_string()))
                .collect()
        }
    };
    let mut raw = Raw::default();
    let mut running = Vec::new();
    for partition in partitions {
        let names = candidates.keys().copied();
        let (name, form) = match place.layout.choose(place.names, partition.as_str(), names) {
            Choice::Nothing => continue,
            Choice::Ambiguous(names) => {
                raw.partitions.insert(partition, ambiguous(&names));
                continue;
            }
            Choice::Blob(name, form) => (name, form),
        };
        let listed = candidates[name];
        let (content, is_leased) = content(&container, listed, form).await.map_err(refused)?;
        if is_leased || is_owned(&contents, listed) {
            running.push(partition.to_string());
        }
        let item = Item {
            place: name.to_owned(),
            stored_at: listed.last_modified,
            content,
        };
        raw.partitions.insert(partition, item);
    }
    if !running.is_empty() {
        raw.warnings.push(format!(
            "the other consumer seems to run, because it holds partitions {}; what it settles from now on will come again. \
             Stop it, and import then",
            running.join(", ")
        ));
    }
    Ok(raw)
}

/// The blobs that may be positions, by name. What is deeper or elsewhere falls out by its name.
fn candidates<'c>(contents: &'c Contents, place: Place<'_>) -> HashMap<&'c str, &'c Listed> {
    let is_own = |listed: &&Listed| place.own.is_some_and(|own| listed.name.starts_with(own));
    let blobs = contents.blobs.iter().filter(|listed| !is_own(listed));
    blobs.map(|listed| (&*listed.name, listed)).collect()
}

/// What a blob says, and whether somebody holds it.
async fn content(container: &Container, listed: &Listed, form: Form) -> Result<(Content, bool), blob::Error> {
    let (body, is_leased) = match form.needs_body() && listed.length > 0 {
        false => (Vec::new(), false),
        true if listed.length > form.max_bytes() => {
            let detail = format!("it has {} bytes, which is too much for a position", listed.length);
            return Ok((Content::Unreadable(detail), false));
        }
        true => {
            let body = container.read(&listed.name).await?;
            (body.content, body.is_leased)
        }
    };
    let content = match form.parse(&listed.metadata, &body) {
        Ok(Some(position)) => Content::Legacy(position),
        Ok(None) => Content::NothingSettled,
        Err(error) => Content::Unreadable(error.detail),
    };
    Ok((content, is_leased))
}

fn ambiguous(names: &[&str]) -> Item {
    let mut names = names.to_vec();
    names.sort_unstable();
    let detail = format!(
        "`{}` differ only in case; name the right one with `--source-namespace`, `--source-hub` and \
         `--source-consumer-group`",
        names.join("` and `")
    );
    Item {
        place: names.first().map_or_else(String::new, |name| (*name).to_owned()),
        stored_at: None,
        content: Content::Unreadable(detail),
    }
}

/// Whether the ownership beside a checkpoint of the official layout was renewed just now.
fn is_owned(contents: &Contents, checkpoint: &Listed) -> bool {
    let Some((group, partition)) = checkpoint.name.rsplit_once("/checkpoint/") else {
        return false;
    };
    let name = format!("{group}/ownership/{partition}");
    let ownership = contents.blobs.iter().find(|listed| listed.name == name);
    let is_held = |listed: &Listed| {
        let mut metadata = listed.metadata.iter();
        metadata.any(|(key, value)| key.eq_ignore_ascii_case("ownerid") && !value.is_empty())
    };
    let (Some(ownership), Some(now)) = (ownership.filter(|it| is_held(it)), contents.server_time) else {
        return false;
    };
    let renewed = ownership.last_modified;
    renewed.is_some_and(|renewed| now.millis_since(renewed) < ACTIVE_MILLIS)
}

fn refused(error: blob::Error) -> Failure {
    failure(error.into())
}
