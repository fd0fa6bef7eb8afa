//! `--mapping`: a set, and which of its records or maps.

use std::sync::Arc;

use anyhow::anyhow;

use crate::cli::exit::Failure;
use crate::event::Kind;
use crate::map::{MappingSet, Mappings};

/// A set, narrowed or not.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) set: Arc<MappingSet>,
    pub(super) only: Only,
}

/// Which records are shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// Every one.
    Everything,
    /// Those of a kind.
    Kind(Kind),
    /// Those that a map renders, by its name.
    Map(String),
}

impl Choice {
    pub(super) fn new(text: &str, mappings: &Mappings) -> Result<Self, Failure> {
        let (set_name, rest) = text
            .split_once('/')
            .map_or((text, None), |(set, rest)| (set, Some(rest)));
        let Some(set) = mappings.set(set_name) else {
            let near = mappings.nearest(set_name);
            let hint = near.map_or_else(
                || format!("; there are {}", mappings.names().collect::<Vec<_>>().join(", ")),
                |near| format!("; did you mean `{near}`?"),
            );
            return Err(Failure::Usage(anyhow!(
                "there is no mapping set `{set_name}`{hint}"
            )));
        };
        let only = match rest {
            None => Only::Everything,
            Some(_)
                if mappings
                    .map(text)
                    .is_some_and(|map| map.name != format!("{set_name}/{}", map.kind)) =>
            {
                Only::Map(text.to_owned())
            }
            Some(rest) => match rest.parse::<Kind>() {
                Ok(kind) => Only::Kind(kind),
                Err(_) => {
                    let maps: Vec<_> = mappings.maps().filter(|map| map.set() == set_name).collect();
                    let names: Vec<_> = maps.iter().map(|map| map.name.as_str()).collect();
                    let message = format!(
                        "`{rest}` is neither a record kind nor a map of `{set_name}`; its maps are {}",
                        names.join(", ")
                    );
                    return Err(Failure::Usage(anyhow!(message)));
                }
            },
        };
        Ok(Self { set, only })
    }
}
