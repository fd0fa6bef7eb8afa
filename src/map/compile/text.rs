//! The parts of a text format's map: the header, the keys with their labels, the keys of one's own.

use super::Compiler;
use super::fields::member;
use super::literal::Expected;
use crate::config::yaml::{Content, Entry, Node, Scalar};
use crate::map::encode::Output;
use crate::map::expression::{Field, MemberContent, Structure};
use crate::map::file::{MappingFile, Text};
use crate::map::schema::{self, Known, Object, cef, leef};
use crate::map::syntax;

impl Compiler<'_> {
    /// The header's parts in the order in which they are written.
    pub(super) fn header(&mut self, file: &MappingFile) -> Vec<Field> {
        let Some(header) = file.schema.header() else {
            return Vec::new();
        };
        let order = match file.output {
            Output::Leef => leef::HEADER_ORDER,
            _ => cef::HEADER_ORDER,
        };
        for entry in file.header.iter().filter(|entry| !order.contains(&&*entry.key)) {
            let message = format!("`{}` is no part of the header", entry.key);
            let help = super::suggestion(&entry.key, order.iter().copied(), "parts");
            let span = entry.key_span.clone();
            self.error("mapping::unknown_target", span, message, "written here", help);
        }
        let missing: Vec<_> = order
            .iter()
            .copied()
            .filter(|name| !file.header.iter().any(|entry| entry.key == *name))
            .collect();
        if !missing.is_empty() {
            let span = file.header.first().map_or(0..0, |entry| entry.key_span.clone());
            let message = format!("`{}` is missing in `header`", missing.join("`, `"));
            let help = "every line needs all parts of the header; add a line for each";
            self.error("mapping::missing_key", span, message, "in this header", help);
        }
        let entries = order
            .iter()
            .filter_map(|name| file.header.iter().find(|entry| entry.key == *name));
        let parts: Vec<_> = entries
            .filter_map(|entry| self.part(entry, header, &file.required))
            .collect();
        parts
    }

    fn part(&mut self, entry: &Entry, header: &'static Object, required: &[Text]) -> Option<Field> {
        let known = header.find(&entry.key);
        self.text_field(entry, &entry.value, known, required)
    }

    /// A key of the extension or an attribute.
    pub(super) fn pair(&mut self, fields: &mut Structure, entry: &Entry, required: &[Text]) {
        let Some(known) = self.known(&entry.key, &entry.key_span) else {
            return;
        };
        let label = match known {
            Known::Field(field) => field.label.as_deref(),
            _ => None,
        };
        let is_labelled = |key: &str| entry.value.get(key).is_some();
        let is_pair = is_labelled("label") || (is_labelled("value") && label.is_some());
        let span = entry.value.span.clone();
        match (label, is_pair) {
            (Some(key), true) => self.labelled(fields, entry, known, key, required),
            (None, false) => {
                if let Some(of) = self.is_label(&entry.key) {
                    let message = format!("`{}` is written with `{of}`", entry.key);
                    let help = format!("write `{of}: {{ label: …, value: … }}`");
                    let span = entry.key_span.clone();
                    self.error(
                        "mapping::invalid_label",
                        span,
                        message,
                        "has no line of its own",
                        help,
                    );
                    return;
                }
                if let Some(field) = self.text_field(entry, &entry.value, known, required) {
                    self.push(fields, entry, MemberContent::Field(field));
                }
            }
            (Some(_), false) => {
                let message = format!("`{}` needs a label", entry.key);
                let help = format!("write `{}: {{ label: What it is, value: … }}`", entry.key);
                self.error("mapping::invalid_label", span, message, "a plain value", help);
            }
            (None, true) => {
                let message = format!("`{}` has no label", entry.key);
                let help = "write the value alone; labels belong to the numbered custom keys";
                self.error("mapping::invalid_label", span, message, "with a label", help);
            }
        }
    }

    fn labelled(
        &mut self,
        fields: &mut Structure,
        entry: &Entry,
        known: Known,
        label_key: &str,
        required: &[Text],
    ) {
        const HELP: &str = "write `{ label: What it is, value: … }`";
        for other in entry.value.as_mapping().unwrap_or_default() {
            if !matches!(other.key.as_str(), "label" | "value") {
                let message = format!("`{}` does not belong beside `label` and `value`", other.key);
                let span = other.key_span.clone();
                self.error("mapping::invalid_label", span, message, "here", HELP);
            }
        }
        let written = entry.value.get("label");
        let label = written.and_then(|node| match &node.content {
            Content::Scalar(Scalar::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        });
        if let (Some(node), Some(label)) = (written, label.filter(|label| syntax::is_path(label))) {
            let message = format!("the label of `{}` cannot be a path", entry.key);
            let help = format!("a label says the same in every line: write what `{label}` is called");
            let span = node.span.clone();
            self.error("mapping::invalid_label", span, message, "a path", help);
            return;
        }
        let (Some(label), Some(value)) = (label, entry.value.get("value")) else {
            let message = format!("`{}` needs a text as `label`, and a `value`", entry.key);
            let span = entry.value.span.clone();
            self.error("mapping::invalid_label", span, message, "incomplete", HELP);
            return;
        };
        let Some(field) = self.text_field(entry, value, known, required) else {
            return;
        };
        if self.push(fields, entry, MemberContent::Field(field)) {
            fields
                .members
                .push(member(label_key, MemberContent::Label(label.into())));
        }
    }

    fn push(&mut self, fields: &mut Structure, entry: &Entry, content: MemberContent) -> bool {
        if fields.members.iter().any(|member| *member.name == *entry.key) {
            return self.conflict(&entry.key, &entry.key_span, "it is written twice");
        }
        fields.members.push(member(&entry.key, content));
        true
    }

    fn text_field(&mut self, entry: &Entry, value: &Node, known: Known, required: &[Text]) -> Option<Field> {
        let expected = Expected {
            target: &entry.key,
            known,
            is_element: false,
        };
        let mut field = self.compiled_field(entry, value, expected, required)?;
        field.text = match known {
            Known::Field(field) => Some(field),
            _ => None,
        };
        Some(field)
    }

    /// The key whose label `key` is.
    fn is_label(&self, key: &str) -> Option<&'static str> {
        let keys = &self.targets.schema.root()?.members;
        keys.iter()
            .find(|(_, field)| field.label.as_deref() == Some(key))
            .map(|(of, _)| of.as_str())
    }

    /// Keys of one's own must be words, and none of the dictionary's.
    pub(super) fn check_own_keys(&mut self, file: &MappingFile) {
        let Some(root) = file.schema.root().filter(|_| file.output.is_text()) else {
            return;
        };
        for (index, own) in file.own.iter().enumerate() {
            let is_word = !own.value.is_empty() && own.value.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let problem = match () {
                () if !is_word => "keys have letters and digits only",
                () if schema::Object::find(root, &own.value).is_field() => "the format already has this key",
                () if file.own[..index].iter().any(|other| other.value == own.value) => "it is listed twice",
                () => continue,
            };
            let message = format!("`{}` cannot be a key of your own", own.value);
            let help = "choose another name, such as `eventUid`";
            self.error(
                "mapping::invalid_target",
                own.span.clone(),
                message,
                problem,
                help,
            );
        }
    }
}
