//! A mapping file as written: its header understood, its values still as they stand, everything with its place.

use std::ops::Range;

use super::schema::Schema;
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::config::yaml::{self, Content, Entry, Node, Scalar};
use crate::event::Kind;

/// The version of the file format this program reads.
pub const FORMAT: i64 = 1;

/// Keys of a mapping file, with what each is for; the reference and the JSON Schema list them too.
pub const KEYS: [(&str, &str); 14] = [
    ("format", "version of the file format; `1`"),
    (
        "name",
        "the set and the map, `ecs/alert`; the part before `/` is what a target's `mapping` names",
    ),
    (
        "revision",
        "version of the map, any text; travels with every record as `name@revision`",
    ),
    ("record", "the record kind the map is for"),
    (
        "when",
        "guard: a condition for the whole file. Guarded files of a kind are tried in name order, then the one without",
    ),
    ("output", "`json`"),
    (
        "schema",
        "schema to check the fields against: `ecs-9.4.0`; without it nothing is checked",
    ),
    ("own_prefixes", "where fields outside the schema may go"),
    (
        "unmapped",
        "`drop`, or `keep_under: field` for what the map does not take; `except: [path]` is dropped always",
    ),
    ("raw", "`to: field`: the record as received, as text"),
    (
        "let",
        "named values, used as `$name`; each may use those above it",
    ),
    (
        "tables",
        "named lookup tables; keys are compared without regard to case",
    ),
    ("fields", "target field: value"),
    (
        "required",
        "target fields without which the record is a map error",
    ),
];

/// A mapping file.
#[derive(Debug)]
pub struct MappingFile {
    /// The file, for messages.
    pub source: SourceFile,
    /// Set and map, `ecs/alert`.
    pub name: String,
    /// Version of the map.
    pub revision: String,
    /// What it is for.
    pub kind: Kind,
    /// Guard.
    pub guard: Option<Node>,
    /// Schema of the output.
    pub schema: Schema,
    /// Where fields outside the schema may go.
    pub own_prefixes: Vec<String>,
    /// Where leftovers go; `None` drops them.
    pub keep_under: Option<Text>,
    /// Paths that are no leftovers whatever happens.
    pub except: Vec<Text>,
    /// Where the record as received goes.
    pub raw: Option<Text>,
    /// `let`, in order.
    pub lets: Vec<Entry>,
    /// Tables.
    pub tables: Vec<Entry>,
    /// Target fields and their values, in order.
    pub fields: Vec<Entry>,
    /// Target fields that must be present.
    pub required: Vec<Text>,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text.
    pub value: String,
    /// Its place in the file.
    pub span: Range<usize>,
}

impl MappingFile {
    /// The set a target names: the part of the name before `/`.
    pub fn set(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(set, _)| set)
    }

    /// Reads a file. Problems go to `diagnostics`; `None` if the header cannot be used.
    pub fn read(source: SourceFile, diagnostics: &mut Diagnostics) -> Option<Self> {
        let node = match yaml::parse(&source) {
            Ok(node) => node,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                return None;
            }
        };
        let mut header = Header {
            source: &source,
            node: &node,
            diagnostics,
        };
        header.check_keys();
        header.check_format();
        let kind = header.kind();
        let name = header.name();
        let revision = header.required("revision").map(|text| text.value);
        let schema = header.schema();
        header.check_output();
        let own_prefixes = header
            .texts(&node, "own_prefixes")
            .into_iter()
            .map(|text| text.value)
            .collect();
        let (keep_under, except) = header.unmapped();
        let raw = header.raw();
        let [lets, tables, fields] = ["let", "tables", "fields"].map(|key| header.entries(key));
        let required = header.texts(&node, "required");
        let guard = node.get("when").cloned();
        if node.get("fields").is_none() {
            header.missing("fields");
        }
        Some(Self {
            name: name?,
            revision: revision?,
            kind: kind?,
            guard,
            schema: schema?,
            own_prefixes,
            keep_under,
            except,
            raw,
            lets,
            tables,
            fields,
            required,
            source,
        })
    }
}

struct Header<'f, 'd> {
    source: &'f SourceFile,
    node: &'f Node,
    diagnostics: &'d mut Diagnostics,
}

impl Header<'_, '_> {
    fn check_keys(&mut self) {
        let known = KEYS.map(|(key, _)| key);
        for entry in self.node.as_mapping().unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                self.unknown_key(entry, "a mapping file", &known);
            }
        }
    }

    fn check_format(&mut self) {
        match self.node.get("format").map(|node| (&node.content, &node.span)) {
            Some((Content::Scalar(Scalar::Integer(FORMAT, _)), _)) => {}
            Some((_, span)) => {
                let help = format!("this program reads `format: {FORMAT}`");
                self.error(
                    "mapping::unknown_format",
                    span.clone(),
                    "unknown version of the file format",
                    "here",
                    help,
                );
            }
            None => self.missing("format"),
        }
    }

    fn check_output(&mut self) {
        if let Some(text) = self.text("output").filter(|text| text.value != "json") {
            let message = format!("there is no output `{}`", text.value);
            self.error(
                "mapping::invalid_value",
                text.span,
                message,
                "not an output",
                "outputs: json",
            );
        }
    }

    fn name(&mut self) -> Option<String> {
        let text = self.required("name")?;
        let is_word = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        };
        let is_valid = text
            .value
            .split_once('/')
            .is_some_and(|(set, map)| is_word(set) && is_word(map));
        if !is_valid {
            let help = "write `set/map` in letters, digits, `_` and `-`, for example `ecs/alert`";
            self.error(
                "mapping::invalid_value",
                text.span,
                "the name of a map has two parts",
                "here",
                help,
            );
            return None;
        }
        if text.value.starts_with("native/") {
            let help = "choose another name; `native` writes what was received";
            self.error(
                "mapping::invalid_value",
                text.span,
                "`native` is no set of maps",
                "here",
                help,
            );
            return None;
        }
        Some(text.value)
    }

    fn kind(&mut self) -> Option<Kind> {
        let text = self.required("record")?;
        let kinds: Vec<_> = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Undecodable)
            .map(Kind::as_str)
            .collect();
        if kinds.contains(&text.value.as_str()) {
            return text.value.parse().ok();
        }
        let help = did_you_mean(&text.value, &kinds, "kinds");
        let message = format!("there is no record kind `{}`", text.value);
        self.error("mapping::invalid_value", text.span, message, "not a kind", help);
        None
    }

    fn schema(&mut self) -> Option<Schema> {
        let Some(text) = self.text("schema") else {
            return Some(Schema::Unchecked);
        };
        let schema = Schema::named(&text.value);
        if schema.is_none() {
            let help = did_you_mean(&text.value, Schema::NAMES, "schemas");
            let message = format!("there is no schema `{}`", text.value);
            self.error("mapping::invalid_value", text.span, message, "not a schema", help);
        }
        schema
    }

    fn unmapped(&mut self) -> (Option<Text>, Vec<Text>) {
        const HELP: &str = "write `unmapped: drop` or `unmapped: { keep_under: field, except: [path] }`";
        let Some(node) = self.node.get("unmapped") else {
            return (None, Vec::new());
        };
        if node.as_text() == Some("drop") {
            return (None, Vec::new());
        }
        let Some(entries) = node.as_mapping() else {
            self.error(
                "mapping::invalid_value",
                node.span.clone(),
                "`unmapped` is `drop` or a mapping",
                "here",
                HELP,
            );
            return (None, Vec::new());
        };
        for entry in entries
            .iter()
            .filter(|entry| !matches!(entry.key.as_str(), "keep_under" | "except"))
        {
            self.unknown_key(entry, "`unmapped`", &["keep_under", "except"]);
        }
        let keep_under = self.text_of(node.get("keep_under"));
        if keep_under.is_none() {
            self.error(
                "mapping::missing_key",
                node.span.clone(),
                "`keep_under` is missing",
                "here",
                HELP,
            );
        }
        (keep_under, self.texts(node, "except"))
    }

    fn raw(&mut self) -> Option<Text> {
        let node = self.node.get("raw")?;
        for entry in node.as_mapping().unwrap_or_default() {
            if entry.key != "to" {
                self.unknown_key(entry, "`raw`", &["to"]);
            }
        }
        let to = self.text_of(node.get("to"));
        if to.is_none() {
            self.error(
                "mapping::missing_key",
                node.span.clone(),
                "`to` is missing",
                "here",
                "write `raw: { to: field }`",
            );
        }
        to
    }

    fn entries(&mut self, key: &str) -> Vec<Entry> {
        let Some(node) = self.node.get(key) else {
            return Vec::new();
        };
        match &node.content {
            Content::Mapping(entries) => entries.clone(),
            Content::Null => Vec::new(),
            _ => {
                let message = format!("`{key}` is a mapping, not {}", node.describe());
                self.error(
                    "mapping::invalid_value",
                    node.span.clone(),
                    message,
                    "here",
                    "write `name: value` lines",
                );
                Vec::new()
            }
        }
    }

    /// A list of texts, or one text.
    fn texts(&mut self, parent: &Node, key: &str) -> Vec<Text> {
        let Some(node) = parent.get(key) else {
            return Vec::new();
        };
        let nodes = node.as_sequence().unwrap_or(std::slice::from_ref(node));
        nodes.iter().filter_map(|node| self.text_of(Some(node))).collect()
    }

    fn required(&mut self, key: &'static str) -> Option<Text> {
        if self.node.get(key).is_none() {
            self.missing(key);
        }
        self.text(key)
    }

    fn text(&mut self, key: &str) -> Option<Text> {
        self.text_of(self.node.get(key))
    }

    fn text_of(&mut self, node: Option<&Node>) -> Option<Text> {
        let node = node?;
        if let Content::Scalar(scalar) = &node.content {
            return Some(Text {
                value: scalar.text().to_owned(),
                span: node.span.clone(),
            });
        }
        let message = format!("text belongs here, not {}", node.describe());
        self.error(
            "mapping::invalid_value",
            node.span.clone(),
            message,
            "here",
            "write one word or quoted text",
        );
        None
    }

    fn missing(&mut self, key: &str) {
        let start = self.node.span.start;
        let end = start + self.source.text[start..].find('\n').unwrap_or_default();
        self.error(
            "mapping::missing_key",
            start..end,
            format!("`{key}` is missing"),
            "in this file",
            format!("add `{key}: …`"),
        );
    }

    fn unknown_key(&mut self, entry: &Entry, place: &str, known: &[&str]) {
        let help = did_you_mean(&entry.key, known, "keys");
        let message = format!("`{}` is no key of {place}", entry.key);
        self.error(
            "mapping::unknown_key",
            entry.key_span.clone(),
            message,
            "unknown",
            help,
        );
    }

    fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        self.diagnostics.push(
            Diagnostic::new(code, message)
                .at(self.source, span, label)
                .help(help),
        );
    }
}

fn did_you_mean(given: &str, known: &[&str], heading: &str) -> String {
    let list = format!("{heading}: {}", known.join(", "));
    match nearest(given, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}
