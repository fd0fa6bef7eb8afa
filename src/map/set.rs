//! A mapping set: what a target's `mapping` names. It chooses the map for a record and renders with it.

use std::sync::Arc;

use super::budget::MapError;
use super::encode::Output;
use super::native;
use super::plan::Plan;
use super::schema;
use super::scope::RecordContext;
use super::unmapped;
use crate::event::Kind;

/// The maps of one name, `ecs` or `native`.
#[derive(Debug)]
pub struct MappingSet {
    name: Arc<str>,
    output: Output,
    /// Per kind: guarded maps in name order, then the one without guard.
    plans: [Vec<Arc<Plan>>; Kind::COUNT],
}

/// What rendering a record gave besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// `name@revision` of the map; `None` for `native`.
    pub revision: Option<Arc<str>>,
    /// Values that were cut: leftovers for size, each marked in the output, and values of a text format to the length
    /// of their key. In a text format also values that do not fit their key, in LEEF those that lost the delimiter.
    pub cut_values: u32,
    /// Values of the record that the map does not take and a text format has no place for; JSON keeps them.
    pub left_out_values: u32,
}

impl MappingSet {
    /// A set of compiled maps; `plans` are in the order in which they are tried.
    pub(super) fn new(name: &str, plans: impl IntoIterator<Item = (Kind, Arc<Plan>)>) -> Self {
        let mut set = Self {
            name: name.into(),
            output: Output::Json,
            plans: [const { Vec::new() }; Kind::COUNT],
        };
        for (kind, plan) in plans {
            set.output = plan.output;
            set.plans[kind.index()].push(plan);
        }
        set
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What its maps write; all maps of a set write the same.
    pub fn output(&self) -> Output {
        self.output
    }

    /// Whether it has a map for `kind`. Records of other kinds are rendered as `native`, and in a text format by the
    /// map for unknown records.
    pub fn has(&self, kind: Kind) -> bool {
        !self.plans[kind.index()].is_empty()
    }

    /// `name@revision` of every map, in kind order.
    pub fn revisions(&self) -> impl Iterator<Item = &Arc<str>> {
        self.plans.iter().flatten().map(|plan| &plan.revision)
    }

    /// The kind that the map called `name`, `ecs/alert`, is for.
    pub fn kind_of(&self, name: &str) -> Option<Kind> {
        let has = |plan: &Arc<Plan>| {
            plan.revision
                .split_once('@')
                .is_some_and(|(known, _)| known == name)
        };
        Kind::ALL
            .into_iter()
            .find(|kind| self.plans[kind.index()].iter().any(has))
    }

    /// Appends the record in the form of this set: one JSON object or one line of text, without a line end.
    ///
    /// On an error `output` is as it was.
    pub fn render(&self, context: &RecordContext<'_>, output: &mut Vec<u8>) -> Result<Rendering, MapError> {
        for plan in self.candidates(context.record().kind) {
            if let Some(cut_values) = plan.render_accepted(context, output)? {
                return Ok(Rendering {
                    revision: Some(plan.revision.clone()),
                    cut_values,
                    left_out_values: match plan.output.is_text() {
                        true => unmapped::left_out_values(context, &plan.taken),
                        false => 0,
                    },
                });
            }
        }
        native::render(context, output);
        Ok(Rendering {
            revision: None,
            cut_values: 0,
            left_out_values: 0,
        })
    }

    /// What is wrong with `output` by the schema of the map that rendered it for this record: one line for each
    /// problem, with the field it is about. Nothing where no schema was named, and for `native`.
    pub fn validate(&self, context: &RecordContext<'_>, output: &[u8]) -> Vec<String> {
        self.choose(context)
            .map(|plan| schema::validate(plan.schema, &plan.own, output))
            .unwrap_or_default()
    }

    /// The map for a record; `None` where it is rendered as `native`.
    pub fn choose(&self, context: &RecordContext<'_>) -> Option<&Arc<Plan>> {
        self.candidates(context.record().kind)
            .find(|plan| plan.accepts(context))
    }

    /// The maps made for a kind, in the order in which they are tried.
    pub fn maps(&self, kind: Kind) -> &[Arc<Plan>] {
        &self.plans[kind.index()]
    }

    /// The maps for a kind, in the order in which they are tried; in a text format those for unknown records are last.
    pub fn candidates(&self, kind: Kind) -> impl Iterator<Item = &Arc<Plan>> {
        let last = self.output.is_text() && kind != Kind::Unknown;
        let others = match last {
            true => self.plans[Kind::Unknown.index()].as_slice(),
            false => &[],
        };
        self.plans[kind.index()].iter().chain(others)
    }
}
