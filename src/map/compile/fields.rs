//! The target fields: their names against the schema, their nesting, and the header's parts that name fields.

use std::ops::Range;
use std::sync::Arc;

use super::literal::Expected;
use super::shape::Shape::Many;
use super::targets::Targets;
use super::{Compiler, taken};
use crate::config::yaml::{Entry, Node};
use crate::decode::json::write::write_string;
use crate::map::budget::MAX_DEPTH;
use crate::map::encode::Output;
use crate::map::expression::{Expression, Field, Member, MemberContent, Root, Structure};
use crate::map::file::{MappingFile, Text};
use crate::map::path::Selector;
use crate::map::plan::Plan;
use crate::map::schema::Shape;
use crate::map::unmapped::Taken;

/// Compiles everything in a file. The plan is usable only if no error was reported.
pub(super) fn plan(compiler: &mut Compiler<'_>, file: &MappingFile) -> Option<Plan> {
    compiler.later_lets = file.lets.iter().map(|entry| entry.key.clone()).collect();
    compiler.tables(&file.tables);
    compiler.lets(&file.lets);
    let guard = file.guard.as_ref().map(|node| compiler.condition(node));
    compiler.targets = Targets::of(file);
    compiler.check_own_keys(file);
    let header = compiler.header(file);
    let mut fields = Structure::default();
    for entry in &file.fields {
        if compiler.is_full() {
            break;
        }
        match file.output {
            Output::Json => compiler.target(&mut fields, entry, &file.required),
            Output::Cef | Output::Leef => compiler.pair(&mut fields, entry, &file.required),
        }
    }
    compiler.complete(&mut fields, file);
    compiler.check_required(file);
    if let Some(to) = &file.raw {
        compiler.header_target(&mut fields, to, HeaderTarget::Raw);
    }
    if let Some(under) = &file.keep_under {
        compiler.header_target(&mut fields, under, HeaderTarget::Leftovers);
    }
    compiler.keep_if(&mut fields, file);
    let mut taken = Taken::default();
    taken::mark(&fields, &compiler.let_values, &mut taken);
    for part in &header {
        taken::mark_value(&part.expression, &compiler.let_values, &mut taken);
    }
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
        output: file.output,
        schema: file.schema,
        own: std::mem::take(&mut compiler.targets.own),
        header,
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
    fn target(&mut self, fields: &mut Structure, entry: &Entry, required: &[Text]) {
        let Some(known) = self.known(&entry.key, &entry.key_span) else {
            return;
        };
        let expected = Expected {
            target: &entry.key,
            known,
            is_element: false,
        };
        self.field(fields, entry, expected, required);
    }

    /// Compiles a field and puts it at its place below `structure`. Whether all went well.
    pub(super) fn field(
        &mut self,
        structure: &mut Structure,
        entry: &Entry,
        expected: Expected<'_>,
        required: &[Text],
    ) -> bool {
        let Some(field) = self.compiled_field(entry, &entry.value, expected, required) else {
            return false;
        };
        self.insert(
            structure,
            &entry.key,
            &entry.key_span,
            MemberContent::Field(field),
        )
    }

    /// Compiles the value of a field and checks that it fits.
    pub(super) fn compiled_field(
        &mut self,
        entry: &Entry,
        value: &Node,
        expected: Expected<'_>,
        required: &[Text],
    ) -> Option<Field> {
        let expression = self.value(value, expected)?;
        let field = expected.field();
        self.check_shape(&expression, value, expected)?;
        let is_required = required.iter().any(|text| text.value == entry.key);
        if is_required && matches!(expression, Expression::Lookup { otherwise: None, .. }) {
            let message = format!("`{}` is required and its `lookup` has no `otherwise`", entry.key);
            let help =
                "a key that is not in the table would make the whole record a map error; add `otherwise:`";
            let span = value.span.clone();
            self.error("mapping::required_lookup", span, message, "may be absent", help);
            return None;
        }
        Some(Field {
            expression,
            is_list: field.is_some_and(|field| field.shape == Shape::List),
            required: is_required.then(|| Arc::from(entry.key.as_str())),
            text: None,
        })
    }

    /// Whether a value can be what the schema wants: one or many, an object or a plain value.
    fn check_shape(&mut self, expression: &Expression, value: &Node, expected: Expected<'_>) -> Option<()> {
        let field = expected.field();
        let target = expected.target;
        if field.is_some_and(|field| field.shape == Shape::One) && self.shape(expression) == Many {
            let message = format!("`{target}` wants a single value");
            let help = "choose one with `| first`, or make one text with `| join(\", \")`";
            self.error(
                "mapping::wrong_shape",
                value.span.clone(),
                message,
                "a list",
                help,
            );
            return None;
        }
        if field.is_some_and(|field| field.object().is_some()) && is_copied(expression) {
            let message = format!("`{target}` is an object with members of its own");
            let help = "give its members fields of their own, or write `object: { member: value }`";
            self.error(
                "mapping::wrong_shape",
                value.span.clone(),
                message,
                "a plain value",
                help,
            );
            return None;
        }
        Some(())
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

    pub(super) fn conflict(&mut self, name: &str, span: &Range<usize>, reason: &str) -> bool {
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

    fn header_target(&mut self, fields: &mut Structure, text: &Text, what: HeaderTarget) {
        if self.known(&text.value, &text.span).is_none() {
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
            Some(names) => taken.hide(&names),
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

/// Whether a value is taken from the record as it stands, so that nothing is known of what is in it.
fn is_copied(expression: &Expression) -> bool {
    match expression {
        Expression::Pipe(pipe) => matches!(pipe.root, Root::Document | Root::Record(_) | Root::Hub(_)),
        Expression::Text(_) => true,
        Expression::FirstOf(values) | Expression::List(values) => values.iter().any(is_copied),
        Expression::Cases { cases, otherwise } => {
            cases.iter().any(|(_, value)| is_copied(value)) || otherwise.as_deref().is_some_and(is_copied)
        }
        _ => false,
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
        _ => None,
    }
}

pub(super) fn member(name: &str, content: MemberContent) -> Member {
    let mut key = Vec::with_capacity(name.len() + 3);
    write_string(&mut key, name);
    key.push(b':');
    Member {
        name: name.into(),
        key: key.into(),
        content,
    }
}
