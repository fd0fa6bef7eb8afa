//! Which part of a record goes where in which schema: read from the compiled maps, without any record.

mod page; // as a document
mod sources; // what a value is made of

use std::collections::BTreeMap;

use super::expression::{MemberContent, Structure};
use super::library::Mappings;
use super::plan::Plan;
use crate::event::Kind;
pub use page::page;
use sources::Scope;

/// Where the records of one kind go.
#[derive(Debug)]
pub struct Coverage {
    /// The kind.
    pub kind: Kind,
    /// Per set, in name order, what its maps do with what they do not name.
    pub leftovers: Vec<(String, Leftovers)>,
    /// Paths into the record and `$record`, `$hub` values, without regard to case.
    pub rows: BTreeMap<String, Row>,
}

/// One path.
#[derive(Debug)]
pub struct Row {
    /// As a map writes it.
    pub path: String,
    /// Target fields by set, in the order of the output.
    pub targets: BTreeMap<String, Vec<String>>,
}

/// What becomes of the parts of a record that no field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftovers {
    /// They stay under this field.
    Kept(String),
    /// They are left out.
    Dropped,
    /// The set has no map for the kind; the record is written as `native`, or by the map for unknown records.
    NoMap,
}

/// Every kind that can be routed, in the order of [`Kind::ALL`].
pub fn coverage(mappings: &Mappings) -> Vec<Coverage> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Undecodable);
    kinds.map(|kind| of_kind(mappings, kind)).collect()
}

fn of_kind(mappings: &Mappings, kind: Kind) -> Coverage {
    let mut coverage = Coverage {
        kind,
        leftovers: Vec::new(),
        rows: BTreeMap::new(),
    };
    for set in mappings.names().filter_map(|name| mappings.set(name)) {
        if &**set.name() == "native" {
            continue;
        }
        let mut leftovers = Leftovers::NoMap;
        for plan in set.maps(kind) {
            leftovers = kept(&plan.fields, "").map_or(Leftovers::Dropped, Leftovers::Kept);
            coverage.add(set.name(), plan);
        }
        coverage.leftovers.push((set.name().to_string(), leftovers));
    }
    coverage
}

impl Coverage {
    /// Whether a larger part of the record, with `path` in it, has a field in the set.
    pub fn is_within_a_field(&self, path: &str, set: &str) -> bool {
        let path = path.to_ascii_lowercase();
        self.rows.iter().any(|(part, row)| {
            let rest = path.strip_prefix(part.as_str());
            rest.is_some_and(|rest| rest.starts_with(['.', '['])) && row.targets.contains_key(set)
        })
    }

    fn add(&mut self, set: &str, plan: &Plan) {
        let mut scope = Scope::new(plan);
        for (name, field) in plan.output.header_names().iter().zip(&plan.header) {
            scope.value(&format!("header {name}"), &field.expression);
        }
        scope.structure("", &plan.fields);
        for (path, target) in scope.found {
            let row = self.rows.entry(path.to_ascii_lowercase()).or_insert_with(|| Row {
                path: path.clone(),
                targets: BTreeMap::new(),
            });
            let targets = row.targets.entry(set.to_owned()).or_default();
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
}

/// The dotted name of the structure that keeps what is left over.
fn kept(structure: &Structure, name: &str) -> Option<String> {
    if structure.keeps_leftovers {
        return Some(name.to_owned());
    }
    structure.members.iter().find_map(|member| match &member.content {
        MemberContent::Structure(inner) => kept(inner, &joined(name, &member.name)),
        _ => None,
    })
}

/// A name below another one.
fn joined(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        parent => format!("{parent}.{name}"),
    }
}

#[cfg(test)]
mod tests;
