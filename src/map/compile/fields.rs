//! The target fields: their names against the schema, their nesting, and the header's parts that name fields.

use std::ops::Range;
use std::sync::Arc;

use super::literal::Expected;
use super::shape::Shape;
use super::{Compiler, taken};
use crate::config::diagnostic::nearest;
use crate::config::yaml::Entry;
use crate::decode::json::write::write_string;
use crate::map::budget::MAX_DEPTH;
use crate::map::expression::{Expression, Field, Member, MemberContent, Root, Structure};
use crate::map::file::{MappingFile, Text};
use crate::map::path::Selector;
use crate::map::plan::Plan;
use crate::map::schema::{Known, Schema};
use crate::map::unmapped::Taken;

/// What the header says of targets.
struct Targets<'f> {
    schema: Schema,
    own_prefixes: &'f [String],
}

/// Compiles everything in a file. The plan is usable only if no error was reported.
pub(super) fn plan(compiler: &mut Compiler<'_>, file: &MappingFile) -> Option<Plan> {
    compiler.later_lets = file.lets.iter().map(|entry| entry.key.clone()).collect();
    compiler.tables(&file.tables);
    compiler.lets(&file.lets);
    let guard = file.guard.as_ref().map(|node| compiler.condition(node));
    let targets = Targets {
        schema: file.schema,
        own_prefixes: &file.own_prefixes,
    };
    let mut fields = Structure::default();
    for entry in &file.fields {
        compiler.target(&mut fields, entry, &targets, &file.required);
    }
    compiler.check_required(file);
    if let Some(to) = &file.raw {
        compiler.header_target(&mut fields, to, &targets, HeaderTarget::Raw);
    }
    if let Some(under) = &file.keep_under {
        compiler.header_target(&mut fields, under, &targets, HeaderTarget::Leftovers);
    }
    compiler.keep_if(&mut fields, file);
    let mut taken = Taken::default();
    taken::mark(&fields, &compiler.let_values, &mut taken);
    for except in &file.except {
        compiler.except(except, &mut taken);
    }
    compiler.check_event_types();
    compiler.check_unused_tables();
    let guard = match guard {
        Some(guard) => Some(guard?),
        None => None,
    };
    Some(Plan {
        revision: format!("{}@{}", file.name, file.revision).into(),
        guard,
        lets: std::mem::take(&mut compiler.let_values),
        tables: compiler.tables.drain(..).map(|named| named.table).collect(),
        variables: compiler.variable_slots,
        fields,
        taken,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderTarget {
    Raw,
    Leftovers,
}

impl Compiler<'_> {
    /// A field of the whole map.
    fn target(&mut self, fields: &mut Structure, entry: &Entry, targets: &Targets<'_>, required: &[Text]) {
        let Some(known) = self.known(&entry.key, &entry.key_span, targets) else {
            return;
        };
        let expected = Expected {
            target: &entry.key,
            known,
            is_element: false,
        };
        self.field(fields, entry, expected, required);
    }

    /// What the schema knows of a target; an error if nothing.
    fn known(&mut self, name: &str, span: &Range<usize>, targets: &Targets<'_>) -> Option<Known> {
        let is_own = targets.own_prefixes.iter().any(|prefix| {
            name.strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if is_own {
            return Some(Known::Anything);
        }
        let known = targets.schema.field(name);
        if !matches!(known, Known::Nothing) {
            return Some(known);
        }
        let advice = "fields of your own belong under a prefix listed in `own_prefixes`";
        let help = match nearest(name, targets.schema.names()) {
            Some(near) => format!(
                "did you mean `{near}`? Fields of your own belong under a prefix listed in `own_prefixes`"
            ),
            None => advice.to_owned(),
        };
        let message = format!("`{name}` is not a field of {}", targets.schema.title());
        self.error(
            "mapping::unknown_target",
            span.clone(),
            message,
            "written here",
            help,
        );
        None
    }

    /// Compiles a field and puts it at its place below `structure`. Whether all went well.
    pub(super) fn field(
        &mut self,
        structure: &mut Structure,
        entry: &Entry,
        expected: Expected<'_>,
        required: &[Text],
    ) -> bool {
        let Some(expression) = self.value(&entry.value, expected) else {
            return false;
        };
        let shape = self.shape(&expression);
        let field = match expected.known {
            Known::Field(field) => Some(field),
            _ => None,
        };
        let wants_one = field.is_some_and(|field| !field.is_list && !field.field_type.is_object());
        if wants_one && shape == Shape::Many {
            let message = format!("`{}` wants a single value", entry.key);
            let help = "choose one with `| first`, or make one text with `| join(\", \")`";
            self.error(
                "mapping::wrong_shape",
                entry.value.span.clone(),
                message,
                "a list",
                help,
            );
            return false;
        }
        let is_required = required.iter().any(|text| text.value == entry.key);
        if is_required && matches!(expression, Expression::Lookup { otherwise: None, .. }) {
            let message = format!("`{}` is required and its `lookup` has no `otherwise`", entry.key);
            let help =
                "a key that is not in the table would make the whole record a map error; add `otherwise:`";
            self.error(
                "mapping::required_lookup",
                entry.value.span.clone(),
                message,
                "may be absent",
                help,
            );
            return false;
        }
        let content = MemberContent::Field(Field {
            expression,
            is_list: field.is_some_and(|field| field.is_list),
            required: is_required.then(|| Arc::from(entry.key.as_str())),
        });
        self.insert(structure, &entry.key, &entry.key_span, content)
    }

    fn insert(
        &mut self,
        structure: &mut Structure,
        name: &str,
        span: &Range<usize>,
        content: MemberContent,
    ) -> bool {
        let parts: Vec<_> = name.split('.').collect();
        if parts.iter().any(|part| part.is_empty()) || parts.len() > MAX_DEPTH {
            let message = format!("`{name}` is no name of a field");
            let help = format!("names are parts joined by single dots, at most {MAX_DEPTH}");
            self.error("mapping::invalid_target", span.clone(), message, "here", help);
            return false;
        }
        let (last, parents) = parts.split_last().expect("splitting gives at least one part");
        let Some(parent) = descend(structure, parents) else {
            return self.conflict(name, span, "a part of it is the field of another value");
        };
        match parent
            .members
            .iter()
            .find(|member| &*member.name == *last)
            .map(|member| &member.content)
        {
            None => parent.members.push(member(last, content)),
            Some(MemberContent::Structure(_)) => {
                return self.conflict(name, span, "other fields stand below it");
            }
            Some(_) => return self.conflict(name, span, "it is written twice"),
        }
        true
    }

    fn conflict(&mut self, name: &str, span: &Range<usize>, reason: &str) -> bool {
        let message = format!("`{name}` cannot be written: {reason}");
        let help = "a field is either a value or a parent of fields, and has one line";
        self.error(
            "mapping::conflicting_target",
            span.clone(),
            message,
            "in conflict",
            help,
        );
        false
    }

    fn header_target(
        &mut self,
        fields: &mut Structure,
        text: &Text,
        targets: &Targets<'_>,
        what: HeaderTarget,
    ) {
        if self.known(&text.value, &text.span, targets).is_none() {
            return;
        }
        if what == HeaderTarget::Raw {
            self.insert(fields, &text.value, &text.span, MemberContent::Raw);
            return;
        }
        let parts: Vec<_> = text.value.split('.').collect();
        match descend(fields, &parts) {
            Some(structure) => structure.keeps_leftovers = true,
            None => {
                self.conflict(&text.value, &text.span, "it is the field of a value");
            }
        }
    }

    fn except(&mut self, text: &Text, taken: &mut Taken) {
        let Some(pipe) = self.pipe(&text.value, &text.span) else {
            return;
        };
        let names: Option<Vec<Box<str>>> = pipe
            .selectors
            .iter()
            .map(|selector| match selector {
                Selector::Key(key) => Some(key.clone()),
                _ => None,
            })
            .collect();
        match names.filter(|names| !names.is_empty() && pipe.root == Root::Document && pipe.calls.is_empty())
        {
            Some(names) => taken.insert(&names, &[]),
            None => {
                let help = "write `.name.name`: lists are kept or dropped as a whole";
                self.error(
                    "mapping::invalid_value",
                    text.span.clone(),
                    "`except` takes plain paths into the record",
                    "here",
                    help,
                );
            }
        }
    }
}

/// The structure at `parts`, made if need be; `None` if a value stands on the way.
fn descend<'f>(structure: &'f mut Structure, parts: &[&str]) -> Option<&'f mut Structure> {
    let Some((first, rest)) = parts.split_first() else {
        return Some(structure);
    };
    let position = structure
        .members
        .iter()
        .position(|member| &*member.name == *first);
    let position = position.unwrap_or_else(|| {
        structure
            .members
            .push(member(first, MemberContent::Structure(Structure::default())));
        structure.members.len() - 1
    });
    match &mut structure.members[position].content {
        MemberContent::Structure(inner) => descend(inner, rest),
        MemberContent::Field(_) | MemberContent::Raw => None,
    }
}

fn member(name: &str, content: MemberContent) -> Member {
    let mut key = Vec::with_capacity(name.len() + 3);
    write_string(&mut key, name);
    key.push(b':');
    Member {
        name: name.into(),
        key: key.into(),
        content,
    }
}
