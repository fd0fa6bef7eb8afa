//! Where each value of an output comes from, and why a field is absent; for people who write maps.
//!
//! It evaluates the compiled map a second time, field by field, and costs the bridge nothing.

mod reason; // why a value is absent
pub(in crate::map) mod source; // what a value is made of

use super::evaluation::Evaluation;
use super::expression::{Field, Generated, MemberContent, Structure};
use super::info::{Line, MapInfo};
use super::plan::Plan;
use super::scope::RecordContext;
use super::unmapped;

/// One target field of one record.
#[derive(Debug)]
pub struct Explained {
    /// Dotted name.
    pub target: String,
    /// Its value as JSON; `None` if it is absent.
    pub value: Option<String>,
    /// As the map says it.
    pub written: String,
    /// `file:line`.
    pub place: String,
    /// What the value is made of: paths, and their values as JSON.
    pub sources: Vec<(String, Option<String>)>,
    /// Why it is absent.
    pub reason: Option<String>,
}

/// Every target field that `plan` can write, in the order of the output.
pub fn explain(plan: &Plan, info: &MapInfo, context: &RecordContext<'_>) -> Vec<Explained> {
    let mut explainer = Explainer {
        info,
        evaluation: Evaluation::new(context, plan.names()),
        found: Vec::new(),
    };
    for (name, field) in plan.output.header_names().iter().zip(&plan.header) {
        explainer.field(format!("{HEADER}{name}"), field);
    }
    explainer.structure("", &plan.fields);
    explainer.found
}

/// What `plan` does not take of the record, as one JSON object; the same as `keep_under` keeps.
pub fn leftovers(plan: &Plan, context: &RecordContext<'_>) -> Vec<u8> {
    let mut output = vec![b'{'];
    unmapped::Writer::new(context, &mut output).write(&plan.taken, &|_| false, usize::MAX);
    output.push(b'}');
    output
}

/// Stands before the names of the parts of a text format's header, which are no fields of their own.
pub const HEADER: &str = "header.";

struct Explainer<'s, 'e> {
    info: &'s MapInfo,
    evaluation: Evaluation<'s, 'e>,
    found: Vec<Explained>,
}

impl<'s> Explainer<'s, '_> {
    fn structure(&mut self, prefix: &str, structure: &'s Structure) {
        let start = self.found.len();
        for member in &structure.members {
            let name = match prefix.is_empty() {
                true => member.name.to_string(),
                false => format!("{prefix}.{}", member.name),
            };
            match &member.content {
                MemberContent::Field(field) => self.field(name, field),
                MemberContent::Structure(inner) => self.structure(&name, inner),
                MemberContent::Generated(generated) => self.generated(name, generated),
                MemberContent::Raw | MemberContent::Label(_) => {}
            }
        }
        self.leave_out(prefix, structure, start);
    }

    /// What `keep_if` leaves out was computed all the same, by the fields from `start` on.
    fn leave_out(&mut self, prefix: &str, structure: &Structure, start: usize) {
        let members = &mut self.found[start..];
        let is_kept = structure.keep_if.iter().any(|key| {
            let name = format!("{prefix}.{key}");
            let is_it = |target: &str| {
                target
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            members
                .iter()
                .any(|member| member.value.is_some() && is_it(&member.target))
        });
        if structure.keep_if.is_empty() || is_kept {
            return;
        }
        for member in members.iter_mut().filter(|member| member.value.is_some()) {
            member.value = None;
            let keys = structure.keep_if.join(", ");
            member.reason = Some(format!("`keep_if` leaves `{prefix}` out: it has none of {keys}"));
        }
    }

    /// A member that follows from the number before it.
    fn generated(&mut self, target: String, generated: &'s Generated) {
        let id = self
            .found
            .last()
            .and_then(|field| field.value.as_ref()?.parse().ok());
        let Some(item) = self.evaluation.generated(generated, id) else {
            return;
        };
        let before = self.found.last().map_or("", |field| &field.target);
        let explained = Explained {
            value: Some(source::json(&item)),
            written: format!("follows from `{before}`"),
            place: format!("schema {}", self.info.schema),
            target,
            sources: Vec::new(),
            reason: None,
        };
        self.found.push(explained);
    }

    fn field(&mut self, target: String, field: &'s Field) {
        let item = self.evaluation.field(field);
        let value = item.map(|item| source::json(&item));
        let names = source::Names {
            lets: &self.info.lets,
            tables: &self.info.tables,
        };
        let reason = match value {
            Some(_) => None,
            None => Some(reason::reason(&field.expression, &mut self.evaluation, names)),
        };
        let sources = source::sources(&field.expression, &mut self.evaluation, names);
        let (written, place) = match self.info.field(&target) {
            Some(Line { text, place, .. }) => (text.clone(), place.clone()),
            None => (String::new(), self.info.source.name.to_string()),
        };
        self.found.push(Explained {
            target,
            value,
            written,
            place,
            sources,
            reason,
        });
    }
}

#[cfg(test)]
mod tests;
