//! Which parts of a record the fields carry on, so that the rest can be kept among the leftovers.
//!
//! A part counts as taken only where its content surely arrives: not if it is looked up in a table, chosen from a
//! list, reduced, or used under a condition.

use crate::map::expression::{Call, Expression, MemberContent, Pipe, Root, Structure};
use crate::map::function::Effect;
use crate::map::path::Selector;
use crate::map::unmapped::Taken;

/// Marks what the fields below `structure` take. Of an object with `keep_if` only its keys surely arrive: the rest is
/// left out where none of them is present.
pub(super) fn mark(structure: &Structure, lets: &[Expression], taken: &mut Taken) {
    let members = structure.members.iter();
    for member in members.filter(|member| structure.is_kept_by(&member.name)) {
        match &member.content {
            MemberContent::Field(field) => mark_value(&field.expression, lets, taken),
            MemberContent::Structure(inner) => mark(inner, lets, taken),
            // What a generated member may write arrives only for "other".
            MemberContent::Generated(_) | MemberContent::Raw | MemberContent::Label(_) => {}
        }
    }
}

/// Marks what one value takes.
pub(super) fn mark_value(expression: &Expression, lets: &[Expression], taken: &mut Taken) {
    match expression {
        Expression::Pipe(pipe) => {
            if let Some((path, calls)) = source(pipe, lets) {
                taken.insert(&path, &calls);
            }
        }
        Expression::FirstOf(candidates) => {
            candidates
                .iter()
                .take(1)
                .for_each(|first| mark_value(first, lets, taken));
        }
        Expression::List(values) => values.iter().for_each(|value| mark_value(value, lets, taken)),
        Expression::Object(structure) => mark(structure, lets, taken),
        Expression::Literal(_)
        | Expression::Lookup { .. }
        | Expression::Cases { .. }
        | Expression::Each { .. }
        | Expression::Text(_) => {}
    }
}

/// The path of names a pipe takes whole, and the conversions its value goes through.
fn source(pipe: &Pipe, lets: &[Expression]) -> Option<(Vec<Box<str>>, Vec<Call>)> {
    let (mut path, mut calls) = match pipe.root {
        Root::Document => (Vec::new(), Vec::new()),
        Root::Let(index) => match &lets[index] {
            Expression::Pipe(pipe) => source(pipe, lets)?,
            Expression::FirstOf(candidates) => match candidates.first()? {
                Expression::Pipe(pipe) => source(pipe, lets)?,
                _ => return None,
            },
            _ => return None,
        },
        Root::Record(_) | Root::Hub(_) | Root::Variable(_) => return None,
    };
    let names = pipe
        .selectors
        .strip_suffix(&[Selector::All])
        .unwrap_or(&pipe.selectors);
    if !names.is_empty() && !calls.is_empty() {
        return None;
    }
    for selector in names {
        match selector {
            Selector::Key(key) => path.push(key.clone()),
            Selector::Index(_) | Selector::All | Selector::Filter { .. } => return None,
        }
    }
    for call in &pipe.calls {
        if matches!(call.function.effect, Effect::Reduces | Effect::Picks) {
            return None;
        }
        calls.push(call.clone());
    }
    (!path.is_empty()).then_some((path, calls))
}
