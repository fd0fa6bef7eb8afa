//! What a value is made of: the paths it asks for, as a map writes them.

use std::fmt::Write as _;

use crate::event::RecordField;
use crate::map::condition::Condition;
use crate::map::evaluation::Evaluation;
use crate::map::expression::{Expression, MemberContent, Pipe, Root, Structure, TextPiece};
use crate::map::info::Line;
use crate::map::item::Item;
use crate::map::path::Selector;
use crate::map::scope::HubField;
use crate::map::write;

/// What the indexes in a compiled map are called in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'s> {
    pub(super) lets: &'s [Line],
    pub(super) tables: &'s [String],
}

/// Each path with its value before any function, once, in the order asked for.
pub(super) fn sources<'s>(
    expression: &'s Expression,
    evaluation: &mut Evaluation<'s, '_>,
    names: Names<'_>,
) -> Vec<(String, Option<String>)> {
    let mut pipes = Vec::new();
    collect(expression, &mut pipes);
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for pipe in pipes {
        let text = path_text(pipe, names);
        if !found.iter().any(|(known, _)| *known == text) {
            let value = evaluation.start(pipe).map(|item| json(&item));
            found.push((text, value));
        }
    }
    found
}

/// Variables of `each` have many values, one after another, and are left out.
fn collect<'s>(expression: &'s Expression, pipes: &mut Vec<&'s Pipe>) {
    match expression {
        Expression::Literal(_) => {}
        Expression::Pipe(pipe) => add(pipe, pipes),
        Expression::FirstOf(values) | Expression::List(values) => {
            values.iter().for_each(|value| collect(value, pipes));
        }
        Expression::Lookup { key, otherwise, .. } => {
            collect(key, pipes);
            otherwise.iter().for_each(|value| collect(value, pipes));
        }
        Expression::Cases { cases, otherwise } => {
            for (condition, value) in cases {
                tested(condition, pipes);
                collect(value, pipes);
            }
            otherwise.iter().for_each(|value| collect(value, pipes));
        }
        Expression::Each { over, make, .. } => {
            collect(over, pipes);
            collect(make, pipes);
        }
        Expression::Object(structure) => members(structure, pipes),
        Expression::Text(pieces) => {
            for piece in pieces {
                if let TextPiece::Pipe(pipe) = piece {
                    add(pipe, pipes);
                }
            }
        }
    }
}

fn members<'s>(structure: &'s Structure, pipes: &mut Vec<&'s Pipe>) {
    for member in &structure.members {
        match &member.content {
            MemberContent::Field(field) => collect(&field.expression, pipes),
            MemberContent::Structure(inner) => members(inner, pipes),
            MemberContent::Generated(_) | MemberContent::Raw | MemberContent::Label(_) => {}
        }
    }
}

fn tested<'s>(condition: &'s Condition, pipes: &mut Vec<&'s Pipe>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().for_each(|condition| tested(condition, pipes));
        }
        Condition::Not(condition) => tested(condition, pipes),
        Condition::Test { left, .. } => add(left, pipes),
    }
}

fn add<'s>(pipe: &'s Pipe, pipes: &mut Vec<&'s Pipe>) {
    if !matches!(pipe.root, Root::Variable(_)) {
        pipes.push(pipe);
    }
}

/// A path as a map writes it, without its functions.
pub(super) fn path_text(pipe: &Pipe, names: Names<'_>) -> String {
    let mut text = match pipe.root {
        Root::Document => String::new(),
        Root::Record(field) => format!("$record.{}", record_name(field)),
        Root::Hub(field) => format!("$hub.{}", hub_name(field)),
        Root::Let(index) => format!("${}", names.lets.get(index).map_or("let", |line| &line.name)),
        Root::Variable(_) => "$each".to_owned(),
    };
    selectors_text(&pipe.selectors, &mut text);
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// Appends selectors as a map writes them.
pub(in crate::map) fn selectors_text(selectors: &[Selector], text: &mut String) {
    for selector in selectors {
        let written = match selector {
            Selector::Key(key) if is_plain(key) => write!(text, ".{key}"),
            Selector::Key(key) => write!(text, ".\"{key}\""),
            Selector::Index(index) => write!(text, "[{index}]"),
            Selector::All => write!(text, "[]"),
            Selector::Filter {
                key,
                value,
                is_negated,
            } => write!(text, "[{key}{}{value}]", if *is_negated { "!=" } else { "=" }),
        };
        written.expect("writing to a String cannot fail");
    }
}

/// An item as JSON.
pub(super) fn json(item: &Item<'_>) -> String {
    let mut output = Vec::new();
    write::item(item, &mut output);
    String::from_utf8_lossy(&output).into_owned()
}

fn is_plain(key: &str) -> bool {
    key.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}

pub(in crate::map) fn record_name(field: RecordField) -> &'static str {
    let known = RecordField::ALL.iter().find(|(_, known)| *known == field);
    known.map_or("record", |(name, _)| name)
}

pub(in crate::map) fn hub_name(field: HubField) -> &'static str {
    let known = HubField::ALL.iter().find(|(_, known)| *known == field);
    known.map_or("hub", |(name, _)| name)
}
