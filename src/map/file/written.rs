//! A mapping file as parsed: alone, or merged with the maps it extends.
//!
//! A merged map is one text, its own first and that of its base behind it, so that every node of it has one place.
//! [`Written::relocate`] leads from there back to the file a place came from.

use std::ops::Range;

use super::Text;
use crate::config::diagnostic::{Diagnostic, SourceFile};
use crate::config::yaml::{self, Content, Entry, Node};

/// A mapping file as parsed.
#[derive(Debug, Clone)]
pub struct Written {
    /// The file; of a merged map its own name and the texts of all.
    pub source: SourceFile,
    /// What stands in it; always a mapping.
    pub node: Node,
    /// Where the text of each file starts, in order; its own is the first.
    parts: Vec<(usize, SourceFile)>,
}

impl Written {
    /// Parses a file.
    pub fn parse(source: SourceFile) -> Result<Self, Diagnostic> {
        let node = yaml::parse(&source)?;
        if node.as_mapping().is_none() {
            let message = format!(
                "a mapping file holds keys such as `format`, not {}",
                node.describe()
            );
            return Err(Diagnostic::new("mapping::invalid_value", message)
                .at(&source, node.span, "no mapping")
                .help("start with `format: 1`; `schema mapping` prints the JSON Schema of a file"));
        }
        Ok(Self {
            parts: vec![(0, source.clone())],
            source,
            node,
        })
    }

    /// The map's name as written, checked or not.
    pub fn name(&self) -> Option<&str> {
        self.node.get("name")?.as_text()
    }

    /// The name behind `extends`.
    pub fn extends(&self) -> Option<Text> {
        self.text("extends")
    }

    /// The scalar behind a key of the header.
    pub fn text(&self, key: &str) -> Option<Text> {
        let node = self.node.get(key)?;
        let Content::Scalar(scalar) = &node.content else {
            return None;
        };
        Some(Text {
            value: scalar.text().to_owned(),
            span: node.span.clone(),
        })
    }

    /// Puts the text of `base` behind this one and gives its entries with their places there.
    pub fn append(&mut self, base: &Written) -> Vec<Entry> {
        let text = format!("{}\n{}", self.source.text, base.source.text);
        let offset = text.len() - base.source.text.len();
        self.source.text = text.into();
        let parts = base
            .parts
            .iter()
            .map(|(start, file)| (start + offset, file.clone()));
        self.parts.extend(parts);
        let mut node = base.node.clone();
        shift(&mut node, offset);
        match node.content {
            Content::Mapping(entries) => entries,
            _ => Vec::new(),
        }
    }

    /// Whether a place came from a map that this one extends.
    pub fn is_inherited(&self, span: &Range<usize>) -> bool {
        self.parts.get(1).is_some_and(|(start, _)| span.start >= *start)
    }

    /// The file that the text at `offset` came from, and where that text starts in the whole.
    pub fn part(&self, offset: usize) -> (usize, &SourceFile) {
        let part = self.parts.iter().rfind(|(start, _)| offset >= *start);
        part.map_or((0, &self.source), |(start, file)| (*start, file))
    }

    /// The same problem at its place in the file it came from.
    pub fn relocate(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let Some(span) = diagnostic.span.clone() else {
            return diagnostic;
        };
        let part = self.parts.iter().rfind(|(start, _)| span.start >= *start);
        if let Some((start, file)) = part {
            diagnostic.span = Some(span.start - start..span.end - start);
            diagnostic.file = Some(file.clone());
        }
        diagnostic
    }
}

fn shift(node: &mut Node, offset: usize) {
    node.span = node.span.start + offset..node.span.end + offset;
    match &mut node.content {
        Content::Sequence(elements) => elements.iter_mut().for_each(|element| shift(element, offset)),
        Content::Mapping(entries) => {
            for entry in entries {
                entry.key_span = entry.key_span.start + offset..entry.key_span.end + offset;
                shift(&mut entry.value, offset);
            }
        }
        Content::Null | Content::Scalar(_) => {}
    }
}
