//! Why a value is absent, in a sentence.

use super::source::{Names, json, path_text, selectors_text};
use crate::map::evaluation::Evaluation;
use crate::map::expression::{Expression, Pipe, Root, TextPiece};

/// Why `expression` gives nothing for the record of `evaluation`.
pub(super) fn reason<'s>(
    expression: &'s Expression,
    evaluation: &mut Evaluation<'s, '_>,
    names: Names<'_>,
) -> String {
    match expression {
        Expression::Literal(_) => "the literal is empty".to_owned(),
        Expression::Pipe(pipe) => of_pipe(pipe, evaluation, names),
        Expression::FirstOf(values) => format!("none of its {} values is present", values.len()),
        Expression::Lookup { table, key, .. } => match evaluation.value(key) {
            None => format!("it has no key to look up: {}", reason(key, evaluation, names)),
            Some(key) => {
                let table = names.tables.get(*table).map_or("", String::as_str);
                format!("table `{table}` has no {}", json(&key))
            }
        },
        Expression::Cases { cases, .. } => {
            let chosen = cases.iter().find(|(condition, _)| condition.holds(evaluation));
            match chosen {
                Some((_, value)) => reason(value, evaluation, names),
                None => "no condition holds".to_owned(),
            }
        }
        Expression::Each { over, .. } => match evaluation.value(over) {
            None => reason(over, evaluation, names),
            Some(_) => "nothing is made of any element".to_owned(),
        },
        Expression::List(values) => match values.as_slice() {
            [only] => reason(only, evaluation, names),
            _ => "all its values are absent".to_owned(),
        },
        Expression::Object(_) => "all its members are absent".to_owned(),
        Expression::Text(pieces) => pieces
            .iter()
            .find_map(|piece| match piece {
                TextPiece::Pipe(pipe) if evaluation.pipe(pipe).is_none() => {
                    Some(of_pipe(pipe, evaluation, names))
                }
                _ => None,
            })
            .unwrap_or_else(|| "a piece of the text is a list or an object".to_owned()),
    }
}

fn of_pipe<'s>(pipe: &'s Pipe, evaluation: &mut Evaluation<'s, '_>, names: Names<'_>) -> String {
    let path = path_text(pipe, names);
    let Some(mut item) = evaluation.start(pipe) else {
        return missing(pipe, &path, evaluation);
    };
    for call in &pipe.calls {
        let before = json(&item);
        match call.function.apply(item, &call.arguments) {
            Some(made) => item = made,
            None => return format!("`{}` gives nothing for {before}", call.function.name),
        }
    }
    format!("`{path}` is there, but of no use here")
}

/// Names the first step of a path behind which nothing is.
fn missing<'s>(pipe: &'s Pipe, path: &str, evaluation: &mut Evaluation<'s, '_>) -> String {
    if pipe.root != Root::Document {
        return format!("`{path}` is absent");
    }
    let present = (0..pipe.selectors.len())
        .rev()
        .find(|length| evaluation.is_present(&pipe.selectors[..*length]))
        .unwrap_or(0);
    let mut step = String::new();
    selectors_text(
        &pipe.selectors[..=present.min(pipe.selectors.len().saturating_sub(1))],
        &mut step,
    );
    match step == path {
        true => format!("`{path}` is not in the record"),
        false => format!("`{path}` is not in the record: it has no `{step}`"),
    }
}
