//! What `--explain` and `--unmapped` tell about a record.

use std::fmt::Write as _;

use serde_json::Value;

use crate::map::explain::{self, Explained};
use crate::map::{MappingSet, Mappings, RecordContext};
use crate::mapping_test::compare::leaves;
use crate::mapping_test::suite::map_name;

/// Bytes of a value; what is longer is cut, because the whole record can be one.
const MAX_VALUE_BYTES: usize = 160;

/// Which map was chosen and why, and each of its fields.
pub(super) fn explained(
    origin: &str,
    set: &MappingSet,
    mappings: &Mappings,
    context: &RecordContext<'_>,
) -> String {
    let kind = context.record().kind;
    let mut text = format!("{origin}: a record of kind `{kind}`\n");
    let chosen = set.choose(context);
    for plan in set.candidates(kind) {
        let name = map_name(&plan.revision);
        if chosen.is_some_and(|chosen| chosen.revision == plan.revision) {
            break;
        }
        line(&mut text, format_args!("  map {name}: its guard does not hold"));
    }
    let Some((plan, info)) = chosen.and_then(|plan| Some((plan, mappings.map(map_name(&plan.revision))?)))
    else {
        line(
            &mut text,
            format_args!("  no map of `{}` takes it: rendered as `native`", set.name()),
        );
        return text;
    };
    line(
        &mut text,
        format_args!("  map {} ({})", plan.revision, info.source.name),
    );
    let fields = explain::explain(plan, info, context);
    let (present, absent): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.value.is_some());
    present.iter().for_each(|field| describe(field, &mut text));
    if !absent.is_empty() {
        line(&mut text, format_args!("  absent:"));
        absent.iter().for_each(|field| describe(field, &mut text));
    }
    text
}

/// What the map does not take: paths and values.
pub(super) fn unmapped(origin: &str, set: &MappingSet, context: &RecordContext<'_>) -> String {
    let Some(plan) = set.choose(context) else {
        return format!("{origin}: `native` takes the whole record\n");
    };
    let json = explain::leftovers(plan, context);
    let left: Value = match serde_json::from_slice(&json) {
        Ok(left) => left,
        // Deeper than the reader follows: the text says the same, less readable.
        Err(_) => Value::String(String::from_utf8_lossy(&json).into_owned()),
    };
    let found = match left.as_object().is_some_and(|members| members.is_empty()) {
        true => Vec::new(),
        false => leaves(&left),
    };
    let map = map_name(&plan.revision);
    let mut text = format!("{origin}: {} values that `{map}` does not take\n", found.len());
    for (name, value) in found {
        line(
            &mut text,
            format_args!("  .{name} = {}", short(&value.to_string())),
        );
    }
    text
}

fn describe(field: &Explained, text: &mut String) {
    let arrow = match field.written.is_empty() {
        true => String::new(),
        false => format!("  <-  {}", short(&field.written)),
    };
    match (&field.value, &field.reason) {
        (Some(value), _) => line(text, format_args!("  {} = {}{arrow}", field.target, short(value))),
        (None, Some(reason)) => {
            line(text, format_args!("    {}{arrow}", field.target));
            line(text, format_args!("        {}", short(reason)));
        }
        (None, None) => line(text, format_args!("    {}{arrow}", field.target)),
    }
    line(text, format_args!("        {}", field.place));
    for (path, value) in field.sources.iter().filter(|_| field.value.is_some()) {
        match value {
            Some(value) => line(text, format_args!("        {path} = {}", short(value))),
            None => line(text, format_args!("        {path} is absent")),
        }
    }
}

fn short(text: &str) -> String {
    if text.len() <= MAX_VALUE_BYTES {
        return text.to_owned();
    }
    let end = (0..=MAX_VALUE_BYTES)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or_default();
    format!("{}... ({} bytes)", &text[..end], text.len())
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a String cannot fail");
}
