//! The header of a mapping file, and the shape of its parts.

use std::ops::Range;

use super::{FORMAT, KEYS, KeepIf, Text};
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::config::yaml::{Content, Entry, Node, Scalar};
use crate::event::Kind;
use crate::map::encode::Output;
use crate::map::schema::Schema;

/// Reads the parts of a file one by one and reports what is wrong with each.
pub(super) struct Header<'f, 'd> {
    pub source: &'f SourceFile,
    pub node: &'f Node,
    pub diagnostics: &'d mut Diagnostics,
}

impl Header<'_, '_> {
    pub fn check_keys(&mut self) {
        let known = KEYS.map(|(key, _)| key);
        for entry in self.node.as_mapping().unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                self.unknown_key(entry, "a mapping file", &known);
            }
        }
    }

    /// `extends` and `remove` are gone once a file is merged.
    pub fn check_merged(&mut self) {
        if let Some(node) = self.node.get("remove") {
            let help = "name a map with `extends:`, or delete `remove`";
            self.error(
                "mapping::unknown_removal",
                node.span.clone(),
                "`remove` takes out of what is extended, and nothing is",
                "nothing to remove from",
                help,
            );
        }
        if let Some(text) = self.text("extends") {
            let message = format!("`{}` cannot be extended from here", text.value);
            let help = "put the file below `mappings_directory`, where maps are found by name";
            self.error("mapping::unknown_base", text.span, message, "not read", help);
        }
    }

    pub fn check_format(&mut self) {
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

    /// What the map writes; JSON where nothing usable is said.
    pub fn output(&mut self) -> Output {
        let Some(text) = self.text("output") else {
            return Output::Json;
        };
        Output::named(&text.value).unwrap_or_else(|| {
            let message = format!("there is no output `{}`", text.value);
            let help = did_you_mean(&text.value, &Output::ALL.map(|(name, _)| name), "outputs");
            self.error(
                "mapping::invalid_value",
                text.span,
                message,
                "not an output",
                help,
            );
            Output::Json
        })
    }

    /// Keys that belong to another output.
    pub fn check_keys_of(&mut self, output: Output) {
        const TEXT: [Output; 2] = [Output::Cef, Output::Leef];
        let keys: [(&str, &[Output]); 8] = [
            ("fields", &[Output::Json]),
            ("own_prefixes", &[Output::Json]),
            ("unmapped", &[Output::Json]),
            ("raw", &[Output::Json]),
            ("own_keys", &TEXT),
            ("header", &TEXT),
            ("extension", &[Output::Cef]),
            ("attributes", &[Output::Leef]),
        ];
        for (key, outputs) in keys {
            let entry = self.node.as_mapping().unwrap_or_default();
            let entry = entry.iter().find(|entry| entry.key == key);
            // A text format has no place for leftovers; `drop` says what happens anyway.
            let is_drop =
                key == "unmapped" && entry.is_some_and(|entry| entry.value.as_text() == Some("drop"));
            let Some(entry) = entry.filter(|_| !outputs.contains(&output) && !is_drop) else {
                continue;
            };
            let message = format!("`{key}` is no key of a map with `output: {}`", output.name());
            let help = match output {
                Output::Json => "a JSON map has `fields`, `own_prefixes`, `unmapped` and `raw`",
                Output::Cef => {
                    "a CEF map has `header`, `extension` and `own_keys`; the rest of a record is dropped"
                }
                Output::Leef => {
                    "a LEEF map has `header`, `attributes` and `own_keys`; the rest of a record is dropped"
                }
            };
            let span = entry.key_span.clone();
            self.error(
                "mapping::unknown_key",
                span,
                message,
                "does not belong here",
                help,
            );
        }
    }

    pub fn name(&mut self) -> Option<String> {
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

    pub fn kind(&mut self) -> Option<Kind> {
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

    pub fn schema(&mut self, output: Output) -> Option<Schema> {
        let Some(text) = self.text("schema") else {
            return Some(match output {
                Output::Json => Schema::Unchecked,
                Output::Cef => Schema::Cef,
                Output::Leef => Schema::Leef,
            });
        };
        let schema = Schema::named(&text.value);
        if let Some(wanted) = schema.and_then(Schema::output).filter(|wanted| *wanted != output) {
            let message = format!("`{}` is no schema of `output: {}`", text.value, output.name());
            let help = format!("write `output: {}`, or name another schema", wanted.name());
            self.error("mapping::invalid_value", text.span, message, "does not fit", help);
            return None;
        }
        if schema.is_none() {
            let help = did_you_mean(&text.value, Schema::NAMES, "schemas");
            let message = format!("there is no schema `{}`", text.value);
            self.error("mapping::invalid_value", text.span, message, "not a schema", help);
        }
        schema
    }

    pub fn unmapped(&mut self) -> (Option<Text>, Vec<Text>) {
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

    pub fn raw(&mut self) -> Option<Text> {
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

    pub fn keep_if(&mut self) -> Vec<KeepIf> {
        let entries = self.entries("keep_if");
        let objects = entries.into_iter().map(|entry| KeepIf {
            keys: self.listed(&entry.value),
            path: Text {
                value: entry.key,
                span: entry.key_span,
            },
        });
        objects.collect()
    }

    pub fn entries(&mut self, key: &str) -> Vec<Entry> {
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
    pub fn texts(&mut self, parent: &Node, key: &str) -> Vec<Text> {
        parent.get(key).map(|node| self.listed(node)).unwrap_or_default()
    }

    fn listed(&mut self, node: &Node) -> Vec<Text> {
        let nodes = node.as_sequence().unwrap_or(std::slice::from_ref(node));
        nodes.iter().filter_map(|node| self.text_of(Some(node))).collect()
    }

    pub fn required(&mut self, key: &'static str) -> Option<Text> {
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

    pub fn missing(&mut self, key: &str) {
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
