//! What people want to know of a map: its header, where it comes from, and where each of its values is written.
//!
//! Nothing here is needed to render a record, and the bridge lets go of it after loading.

use std::ops::Range;

use super::explain::HEADER;
use super::file::{MappingFile, Written};
use crate::config::diagnostic::SourceFile;
use crate::config::yaml::Entry;
use crate::event::Kind;

/// One map of the library.
#[derive(Debug, Clone)]
pub struct MapInfo {
    /// Set and map, `ecs/alert`.
    pub name: String,
    /// Version of the map.
    pub revision: String,
    /// What it is for.
    pub kind: Kind,
    /// The schema it is checked against, as messages call it.
    pub schema: &'static str,
    /// Whether it is part of the program, and not of a folder of one's own.
    pub is_embedded: bool,
    /// The file.
    pub source: SourceFile,
    /// `let` values, in order.
    pub lets: Vec<Line>,
    /// Names of its tables, in order.
    pub tables: Vec<String>,
    /// Target fields, in order; those of a text format's header first, as `header.name`.
    pub fields: Vec<Line>,
}

/// One entry as written.
#[derive(Debug, Clone)]
pub struct Line {
    /// The key.
    pub name: String,
    /// The value on one line.
    pub text: String,
    /// `file:line` of the key.
    pub place: String,
}

impl MapInfo {
    /// What `file` says.
    pub(super) fn of(file: &MappingFile, written: &Written, is_embedded: bool) -> Self {
        let lines = |entries: &[Entry]| entries.iter().map(|entry| line(written, entry)).collect();
        let mut header: Vec<Line> = lines(&file.header);
        header.iter_mut().for_each(|line| line.name.insert_str(0, HEADER));
        let fields = lines(&file.fields);
        Self {
            name: file.name.clone(),
            revision: file.revision.clone(),
            kind: file.kind,
            schema: file.schema.title(),
            is_embedded,
            source: written.part(0).1.clone(),
            lets: lines(&file.lets),
            tables: file.tables.iter().map(|entry| entry.key.clone()).collect(),
            fields: header.into_iter().chain(fields).collect(),
        }
    }

    /// The part of the name before `/`.
    pub fn set(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(set, _)| set)
    }

    /// The target field called `name`, as written.
    pub fn field(&self, name: &str) -> Option<&Line> {
        self.fields.iter().find(|line| line.name == name)
    }
}

fn line(written: &Written, entry: &Entry) -> Line {
    let (start, file) = written.part(entry.key_span.start);
    let number = number(&file.text, entry.key_span.start - start);
    Line {
        name: entry.key.clone(),
        text: on_one_line(&written.source.text, &entry.value.span),
        place: format!("{}:{number}", file.name),
    }
}

fn number(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

fn on_one_line(text: &str, span: &Range<usize>) -> String {
    let written = text.get(span.start..closed(text, span)).unwrap_or_default();
    let lines = written
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// End of a value with the brackets that close it: the place of a list or mapping ends with its last value.
fn closed(text: &str, span: &Range<usize>) -> usize {
    let end = span.end.min(text.len());
    let written = text.get(span.start..end).unwrap_or_default();
    let count = |brackets: [char; 2]| written.matches(brackets).count();
    let mut missing = count(['{', '[']).saturating_sub(count(['}', ']']));
    let after = text[end..].char_indices();
    let rest = after.take_while(|(_, character)| matches!(character, '}' | ']' | ' ' | ',' | '\n'));
    let mut closed = end;
    for (index, _) in rest.filter(|(_, character)| matches!(character, '}' | ']')) {
        if missing == 0 {
            break;
        }
        missing -= 1;
        closed = end + index + 1;
    }
    closed
}
