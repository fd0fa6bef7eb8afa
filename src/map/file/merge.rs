//! What a map takes over from the one it extends, section by section.

use std::collections::HashMap;
use std::ops::Range;

use super::Text;
use super::written::Written;
use crate::config::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::config::yaml::{Content, Entry, Node};

/// What identifies a file; each has its own.
const IDENTITY: [&str; 5] = ["format", "name", "revision", "extends", "remove"];

/// Sections that are merged entry by entry.
const SECTIONS: [&str; 6] = ["let", "fields", "header", "extension", "attributes", "keep_if"];

/// Lists that are added to.
const LISTS: [&str; 3] = ["own_prefixes", "own_keys", "required"];

/// Sections whose entries `remove` can name.
const REMOVABLE: [&str; 6] = ["fields", "let", "tables", "header", "extension", "attributes"];

/// Merges a map into the one it extends. Its own entries win; they stand at the place of the entries they override,
/// new ones behind them.
pub fn merge(mut own: Written, base: &Written, diagnostics: &mut Diagnostics) -> Written {
    check_same(&own, base, "record", "", diagnostics);
    check_same(&own, base, "output", "json", diagnostics);
    let removed = removed(&own, diagnostics);
    let inherited = own.append(base);
    check_removed(&own, base, &removed, &inherited, diagnostics);
    let mut entries: Vec<Entry> = inherited
        .into_iter()
        .filter(|entry| !IDENTITY.contains(&entry.key.as_str()))
        .map(|entry| without(entry, &removed))
        .collect();
    for entry in own.node.as_mapping().unwrap_or_default() {
        if !matches!(entry.key.as_str(), "extends" | "remove") {
            add(&mut entries, entry.clone());
        }
    }
    own.node.content = Content::Mapping(entries);
    own
}

fn add(entries: &mut Vec<Entry>, own: Entry) {
    let Some(position) = entries.iter().position(|entry| entry.key == own.key) else {
        entries.push(own);
        return;
    };
    if own.value.content == Content::Null {
        // `raw: ~` and the like: taken out, and nothing in its place.
        entries.remove(position);
        return;
    }
    let inherited = &mut entries[position];
    match own.key.as_str() {
        key if SECTIONS.contains(&key) => {
            let new = merge_entries(&mut inherited.value, own.value, |_, own| own, false);
            if key == "let" {
                order(&mut inherited.value, new);
            }
        }
        "tables" => {
            merge_entries(&mut inherited.value, own.value, merge_table, false);
        }
        key if LISTS.contains(&key) => merge_list(&mut inherited.value, own.value),
        _ => *inherited = own,
    }
}

/// Merges two mappings by key; gives the keys that are new. What is no mapping is left for the header to refuse.
fn merge_entries(
    inherited: &mut Node,
    own: Node,
    combine: impl Fn(Node, Node) -> Node,
    ignores_case: bool,
) -> Vec<String> {
    let (Content::Mapping(entries), Content::Mapping(own_entries)) = (&mut inherited.content, &own.content)
    else {
        *inherited = own;
        return Vec::new();
    };
    let folded = |key: &str| match ignores_case {
        true => key.to_ascii_lowercase(),
        false => key.to_owned(),
    };
    let known = entries.iter().enumerate();
    let places: HashMap<String, usize> = known.map(|(place, entry)| (folded(&entry.key), place)).collect();
    let mut new = Vec::new();
    for entry in own_entries {
        match places.get(&folded(&entry.key)) {
            Some(place) => {
                let known = &mut entries[*place];
                let inherited = std::mem::replace(&mut known.value, entry.value.clone());
                known.value = combine(inherited, entry.value.clone());
                known.key_span = entry.key_span.clone();
            }
            None => {
                new.push(entry.key.clone());
                entries.push(entry.clone());
            }
        }
    }
    new
}

/// Tables are merged row by row, their keys without regard to case.
fn merge_table(mut inherited: Node, own: Node) -> Node {
    merge_entries(&mut inherited, own, |_, own| own, true);
    inherited
}

/// A list and a single text both count as a list.
fn merge_list(inherited: &mut Node, own: Node) {
    let elements = |node: &Node| match &node.content {
        Content::Sequence(elements) => elements.clone(),
        _ => vec![node.clone()],
    };
    let mut all = elements(inherited);
    for element in elements(&own) {
        if !all.iter().any(|known| known.content == element.content) {
            all.push(element);
        }
    }
    inherited.content = Content::Sequence(all);
}

/// Moves new `let` values in front of an overridden one that uses them; the others stay behind all inherited ones.
fn order(lets: &mut Node, mut new: Vec<String>) {
    let Content::Mapping(entries) = &mut lets.content else {
        return;
    };
    let mut index = 0;
    while index + new.len() < entries.len() {
        let used = new.iter().position(|name| mentions(&entries[index].value, name));
        let Some(used) = used else {
            index += 1;
            continue;
        };
        let name = new.remove(used);
        if let Some(position) = entries.iter().position(|entry| entry.key == name) {
            let entry = entries.remove(position);
            entries.insert(index, entry);
        }
    }
}

/// Whether `$name` stands anywhere in a value.
fn mentions(node: &Node, name: &str) -> bool {
    let stands_in = |text: &str| {
        text.split('$').skip(1).any(|rest| {
            rest.strip_prefix(name).is_some_and(|behind| {
                !behind.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '_' | '-'))
            })
        })
    };
    match &node.content {
        Content::Scalar(scalar) => stands_in(scalar.text()),
        Content::Sequence(elements) => elements.iter().any(|element| mentions(element, name)),
        Content::Mapping(entries) => entries
            .iter()
            .any(|entry| stands_in(&entry.key) || mentions(&entry.value, name)),
        Content::Null => false,
    }
}

/// An inherited entry without what is removed: the entries of that name, and what else names them.
fn without(mut entry: Entry, removed: &[Text]) -> Entry {
    let is_removed = |name: &str| removed.iter().any(|text| text.value == name);
    match (&mut entry.value.content, entry.key.as_str()) {
        (Content::Mapping(entries), key) if REMOVABLE.contains(&key) => {
            entries.retain(|entry| !is_removed(&entry.key));
        }
        (Content::Sequence(elements), "required") => {
            elements.retain(|element| !element.as_text().is_some_and(is_removed));
        }
        (Content::Scalar(only), "required") if is_removed(only.text()) => {
            entry.value.content = Content::Sequence(Vec::new());
        }
        (Content::Mapping(objects), "keep_if") => {
            for object in objects.iter_mut() {
                if let Content::Sequence(keys) = &mut object.value.content {
                    keys.retain(|key| {
                        let key = key.as_text().unwrap_or_default();
                        !is_removed(&format!("{}.{key}", object.key))
                    });
                }
            }
            objects.retain(|object| object.value.as_sequence().is_none_or(|keys| !keys.is_empty()));
        }
        _ => {}
    }
    entry
}

fn removed(own: &Written, diagnostics: &mut Diagnostics) -> Vec<Text> {
    let Some(node) = own.node.get("remove") else {
        return Vec::new();
    };
    let mut removed = Vec::new();
    for node in node.as_sequence().unwrap_or(std::slice::from_ref(node)) {
        match &node.content {
            Content::Scalar(scalar) => removed.push(Text {
                value: scalar.text().to_owned(),
                span: node.span.clone(),
            }),
            _ => diagnostics.push(
                Diagnostic::new(
                    "mapping::invalid_value",
                    format!("`remove` takes names, not {}", node.describe()),
                )
                .at(&own.source, node.span.clone(), "here")
                .help("write `remove: [name, name]`"),
            ),
        }
    }
    removed
}

fn check_removed(
    own: &Written,
    base: &Written,
    removed: &[Text],
    inherited: &[Entry],
    diagnostics: &mut Diagnostics,
) {
    let sections = inherited
        .iter()
        .filter(|entry| REMOVABLE.contains(&entry.key.as_str()));
    let names: Vec<&str> = sections
        .filter_map(|section| section.value.as_mapping())
        .flatten()
        .map(|entry| entry.key.as_str())
        .collect();
    for text in removed
        .iter()
        .filter(|text| !names.contains(&text.value.as_str()))
    {
        let base = base.name().unwrap_or_default();
        let help = match nearest(&text.value, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "names of fields, `let` values and tables can be removed".to_owned(),
        };
        let message = format!("`{base}` has no `{}` to remove", text.value);
        diagnostics.push(problem(
            own,
            "mapping::unknown_removal",
            &text.span,
            message,
            "not in the base",
            help,
        ));
    }
}

/// Base and child are for the same records and give the same form.
fn check_same(own: &Written, base: &Written, key: &str, default: &str, diagnostics: &mut Diagnostics) {
    let inherited = base.text(key).map_or(default.to_owned(), |text| text.value);
    let Some(text) = own.text(key).filter(|text| text.value != inherited) else {
        return;
    };
    let name = base.name().unwrap_or_default();
    let message = format!("`{key}` is `{}` here and `{inherited}` in `{name}`", text.value);
    let help = format!("leave `{key}` out, or extend a map that has the same");
    diagnostics.push(problem(
        own,
        "mapping::unfit_base",
        &text.span,
        message,
        "differs from the base",
        help,
    ));
}

fn problem(
    own: &Written,
    code: &'static str,
    span: &Range<usize>,
    message: String,
    label: &str,
    help: String,
) -> Diagnostic {
    own.relocate(
        Diagnostic::new(code, message)
            .at(&own.source, span.clone(), label)
            .help(help),
    )
}
