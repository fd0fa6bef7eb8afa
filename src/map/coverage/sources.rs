//! The paths that a value of a map is made of, followed through `let` values and the variables of `each`.

use super::joined;
use crate::map::condition::Condition;
use crate::map::explain::source::{hub_name, record_name, selectors_text};
use crate::map::expression::{Expression, MemberContent, Pipe, Root, Structure, TextPiece};
use crate::map::plan::Plan;

/// A walk over one map.
pub(super) struct Scope<'p> {
    plan: &'p Plan,
    /// What the variables of the `each` around the current place are elements of, by slot.
    variables: Vec<Vec<String>>,
    /// Path and target field, in the order of the map.
    pub found: Vec<(String, String)>,
}

impl<'p> Scope<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            variables: vec![Vec::new(); plan.variables],
            found: Vec::new(),
        }
    }

    /// The fields of an object that stands at `target`.
    pub fn structure(&mut self, target: &str, structure: &Structure) {
        for member in &structure.members {
            let target = joined(target, &member.name);
            match &member.content {
                MemberContent::Field(field) => self.value(&target, &field.expression),
                MemberContent::Structure(inner) => self.structure(&target, inner),
                MemberContent::Generated(generated) => {
                    if let Some(own) = &generated.own {
                        self.value(&target, &own.expression);
                    }
                }
                MemberContent::Raw => self.found.push((".".to_owned(), target)),
                MemberContent::Label(_) => {}
            }
        }
    }

    /// A value that goes to `target`.
    pub fn value(&mut self, target: &str, expression: &Expression) {
        match expression {
            Expression::Object(structure) => self.structure(target, structure),
            Expression::FirstOf(values) | Expression::List(values) => {
                values.iter().for_each(|value| self.value(target, value));
            }
            Expression::Each { over, variable, make } => {
                self.variables[*variable] = self.paths(over);
                self.value(target, make);
            }
            Expression::Cases { cases, otherwise } => {
                let before = self.found.len();
                for (_, value) in cases {
                    self.value(target, value);
                }
                otherwise.iter().for_each(|value| self.value(target, value));
                if self.found.len() == before {
                    // Only fixed values to choose from: what chooses is what goes there.
                    for (condition, _) in cases {
                        for path in self.tested(condition) {
                            self.found.push((path, target.to_owned()));
                        }
                    }
                }
            }
            other => {
                for path in self.paths(other) {
                    self.found.push((path, target.to_owned()));
                }
            }
        }
    }

    fn paths(&mut self, expression: &Expression) -> Vec<String> {
        match expression {
            Expression::Literal(_) => Vec::new(),
            Expression::Pipe(pipe) => self.pipe(pipe),
            Expression::FirstOf(values) | Expression::List(values) => {
                values.iter().flat_map(|value| self.paths(value)).collect()
            }
            Expression::Lookup { key, otherwise, .. } => {
                let mut paths = self.paths(key);
                paths.extend(otherwise.iter().flat_map(|value| self.paths(value)));
                paths
            }
            Expression::Cases { cases, otherwise } => {
                let values = cases.iter().map(|(_, value)| value);
                let values = values.chain(otherwise.as_deref());
                let paths: Vec<_> = values.flat_map(|value| self.paths(value)).collect();
                match paths.is_empty() {
                    true => cases
                        .iter()
                        .flat_map(|(condition, _)| self.tested(condition))
                        .collect(),
                    false => paths,
                }
            }
            Expression::Each { over, variable, make } => {
                self.variables[*variable] = self.paths(over);
                self.paths(make)
            }
            Expression::Object(structure) => self.members(structure),
            Expression::Text(pieces) => {
                let pipes = pieces.iter().filter_map(|piece| match piece {
                    TextPiece::Pipe(pipe) => Some(pipe),
                    TextPiece::Literal(_) => None,
                });
                pipes.flat_map(|pipe| self.pipe(pipe)).collect()
            }
        }
    }

    fn members(&mut self, structure: &Structure) -> Vec<String> {
        let contents = structure.members.iter().map(|member| &member.content);
        contents
            .flat_map(|content| match content {
                MemberContent::Field(field) => self.paths(&field.expression),
                MemberContent::Structure(inner) => self.members(inner),
                MemberContent::Generated(_) | MemberContent::Raw | MemberContent::Label(_) => Vec::new(),
            })
            .collect()
    }

    fn tested(&mut self, condition: &Condition) -> Vec<String> {
        match condition {
            Condition::All(conditions) | Condition::Any(conditions) => conditions
                .iter()
                .flat_map(|condition| self.tested(condition))
                .collect(),
            Condition::Not(condition) => self.tested(condition),
            Condition::Test { left, .. } => self.pipe(left),
        }
    }

    fn pipe(&mut self, pipe: &Pipe) -> Vec<String> {
        let starts = match pipe.root {
            Root::Document => vec![String::new()],
            Root::Record(field) => vec![format!("$record.{}", record_name(field))],
            Root::Hub(field) => vec![format!("$hub.{}", hub_name(field))],
            Root::Let(index) => {
                let plan = self.plan;
                self.paths(&plan.lets[index])
            }
            Root::Variable(slot) => self.variables[slot].clone(),
        };
        let mut further = String::new();
        selectors_text(&pipe.selectors, &mut further);
        starts
            .iter()
            .map(|start| {
                // The elements of elements are the same ones: lists run flat.
                let start = match further.starts_with("[]") {
                    true => start.strip_suffix("[]").unwrap_or(start),
                    false => start,
                };
                match format!("{start}{further}") {
                    path if path.is_empty() => ".".to_owned(),
                    path => path,
                }
            })
            .collect()
    }
}
