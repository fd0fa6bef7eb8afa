//! A YAML document as a tree whose every scalar, list and mapping knows its place in the file.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned as Located};

use super::problem;
use crate::config::diagnostic::{Diagnostic, SourceFile};

/// One node of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What stands there.
    pub content: Content,
}

/// The content of a [`Node`].
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Nothing, `null` or `~`.
    Null,
    /// A text, number or truth value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Entries in file order; keys are unique.
    Mapping(Vec<Entry>),
}

/// A scalar with its type by YAML's rules and its text as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Text, quoted or plain.
    Text(String),
    /// `true` or `false`; `on`, `yes` and their like are text.
    Bool(bool),
    /// A whole number, and how it was written.
    Integer(i64, String),
    /// Any other number, and how it was written.
    Float(f64, String),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, as text as written.
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of the entry `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The entries, if this is a mapping.
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.content {
            Content::Sequence(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// `a mapping`, `a list` …, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Scalar(Scalar::Text(_)) => "text",
            Content::Scalar(Scalar::Bool(_)) => "a truth value",
            Content::Scalar(Scalar::Integer(..) | Scalar::Float(..)) => "a number",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

impl Scalar {
    /// The scalar as text, numbers as they were written.
    pub fn text(&self) -> &str {
        match self {
            Scalar::Text(text) | Scalar::Integer(_, text) | Scalar::Float(_, text) => text,
            Scalar::Bool(true) => "true",
            Scalar::Bool(false) => "false",
        }
    }
}

/// Parses one document. Duplicate keys, several documents and hostile nesting or aliasing are errors.
pub fn parse(file: &SourceFile) -> Result<Node, Diagnostic> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! {
            max_depth: problem::MAX_DEPTH,
            max_nodes: problem::MAX_NODES,
        },
    };
    match serde_saphyr::from_str_with_options::<Parsed>(&file.text, options) {
        Ok(Parsed(mut node)) => {
            restore_texts(&mut node, &file.text);
            Ok(node)
        }
        Err(error) => Err(problem::diagnostic(file, &error)),
    }
}

fn span_of(location: Location) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or_default() as usize;
    start..start + span.byte_len().unwrap_or_default() as usize
}

/// Numbers keep their text, so that `1.10` can be told from `1.1` and a schema decides what the number means; the
/// span of a list or mapping, which the parser gives as its first token, is widened to its content.
fn restore_texts(node: &mut Node, text: &str) {
    match &mut node.content {
        Content::Scalar(Scalar::Integer(_, raw) | Scalar::Float(_, raw)) => {
            let written = raw.split_once(' ').and_then(|(start, end)| {
                let range = start.parse::<usize>().ok()?..end.parse().ok()?;
                text.get(range)
            });
            *raw = written
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\''])
                .to_owned();
        }
        Content::Sequence(elements) => {
            elements
                .iter_mut()
                .for_each(|element| restore_texts(element, text));
            if let Some(last) = elements.last() {
                node.span.end = node.span.end.max(last.span.end);
            }
        }
        Content::Mapping(entries) => {
            entries
                .iter_mut()
                .for_each(|entry| restore_texts(&mut entry.value, text));
            if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
                node.span.start = node.span.start.min(first.key_span.start);
                node.span.end = node.span.end.max(last.value.span.end).max(last.key_span.end);
            }
        }
        Content::Null | Content::Scalar(_) => {}
    }
}

struct Parsed(Node);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let located = Located::<ParsedContent>::deserialize(deserializer)?;
        let ParsedContent(mut content) = located.value;
        if let Content::Scalar(Scalar::Integer(_, raw) | Scalar::Float(_, raw)) = &mut content {
            // The text of the file is not at hand here; its place stands in for it until `restore_texts`. It is that of
            // the number itself, not of an alias to it.
            let place = span_of(located.defined);
            *raw = format!("{} {}", place.start, place.end);
        }
        Ok(Parsed(Node {
            span: span_of(located.referenced),
            content,
        }))
    }
}

struct ParsedContent(Content);

impl<'de> Deserialize<'de> for ParsedContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor).map(ParsedContent)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Integer(value, String::new())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(match i64::try_from(value) {
            Ok(value) => Scalar::Integer(value, String::new()),
            Err(_) => Scalar::Float(value as f64, String::new()),
        }))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Float(value as f64, String::new())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Float(value as f64, String::new())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Float(value, String::new())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut elements = Vec::new();
        while let Some(Parsed(node)) = access.next_element()? {
            elements.push(node);
        }
        Ok(Content::Sequence(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Located<String>>()? {
            let Parsed(value) = access.next_value()?;
            entries.push(Entry {
                key_span: span_of(key.referenced),
                key: key.value,
                value,
            });
        }
        Ok(Content::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile {
            name: "test.yaml".into(),
            text: text.into(),
        }
    }

    #[test]
    fn every_node_knows_its_place() {
        let file = file("a:\n  b: [x, \"y z\", 0x10, 1.10, true, off, ~]\n\"c d\": é\n");
        let node = parse(&file).expect("it is valid");
        let slice = |span: &Range<usize>| &file.text[span.clone()];
        let list = node.get("a").and_then(|a| a.get("b")).expect("it is there");
        let elements = list.as_sequence().expect("it is a list");
        let texts: Vec<_> = elements.iter().map(|element| slice(&element.span)).collect();
        assert_eq!(texts, ["x", "\"y z\"", "0x10", "1.10", "true", "off", "~"]);
        assert_eq!(
            elements[2].content,
            Content::Scalar(Scalar::Integer(16, "0x10".into()))
        );
        assert_eq!(
            elements[3].content,
            Content::Scalar(Scalar::Float(1.1, "1.10".into()))
        );
        assert_eq!(elements[5].as_text(), Some("off"));
        assert_eq!(elements[6].content, Content::Null);
        let last = &node.as_mapping().expect("it is a mapping")[1];
        assert_eq!((slice(&last.key_span), slice(&last.value.span)), ("\"c d\"", "é"));
    }
}
