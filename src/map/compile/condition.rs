//! Conditions: a mapping of paths to what they must be.

use std::ops::Range;

use regex::RegexBuilder;

use super::{Compiler, suggestion};
use crate::config::yaml::{Content, Entry, Node, Scalar};
use crate::event::{Kind, RecordField};
use crate::map::condition::{Condition, Form, Operand, Operator};
use crate::map::expression::{Pipe, Root};
use crate::map::syntax;

/// Bytes a compiled pattern may take; the default of the library is ten times that.
const MAX_PATTERN_BYTES: usize = 1 << 20;

const OPERATORS: [&str; 6] = ["starts_with", "ends_with", "contains", "matches", "exists", "is"];

impl Compiler<'_> {
    /// Compiles a condition.
    pub(super) fn condition(&mut self, node: &Node) -> Option<Condition> {
        let Some(entries) = node.as_mapping().filter(|entries| !entries.is_empty()) else {
            self.error(
                "mapping::invalid_condition",
                node.span.clone(),
                format!("a condition is a mapping, not {}", node.describe()),
                "no condition",
                "write `path: value`, for example `$record.severity: [High, Medium]`",
            );
            return None;
        };
        let compiled: Vec<_> = entries.iter().map(|entry| self.condition_entry(entry)).collect();
        let mut conditions = compiled.into_iter().collect::<Option<Vec<_>>>()?;
        match conditions.len() {
            1 => conditions.pop(),
            _ => Some(Condition::All(conditions)),
        }
    }

    fn condition_entry(&mut self, entry: &Entry) -> Option<Condition> {
        match entry.key.as_str() {
            "any" => self.any(&entry.value),
            "not" => Some(Condition::Not(Box::new(self.condition(&entry.value)?))),
            path if syntax::is_path(path) => {
                let left = self.pipe(path, &entry.key_span);
                let operator = self.comparison(&entry.value);
                let (left, operator) = (left?, operator?);
                self.check_closed_set(&left, &operator, &entry.value);
                Some(Condition::Test { left, operator })
            }
            other => {
                let help = match RecordField::named(other) {
                    Some(_) => format!("did you mean `$record.{other}`?"),
                    None => suggestion(other, ["any", "not"], "paths start with `.` or `$`; other keys"),
                };
                self.error(
                    "mapping::invalid_condition",
                    entry.key_span.clone(),
                    format!("`{other}` is no path"),
                    "a path, `any` or `not` belongs here",
                    help,
                );
                None
            }
        }
    }

    fn any(&mut self, node: &Node) -> Option<Condition> {
        let Some(elements) = node.as_sequence().filter(|elements| !elements.is_empty()) else {
            self.error(
                "mapping::invalid_condition",
                node.span.clone(),
                format!("`any` wants a list of conditions, not {}", node.describe()),
                "no list",
                "write `any: [{ path: value }, { path: value }]`",
            );
            return None;
        };
        let compiled: Vec<_> = elements.iter().map(|element| self.condition(element)).collect();
        compiled
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .map(Condition::Any)
    }

    fn comparison(&mut self, node: &Node) -> Option<Operator> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries,
            _ => {
                return self.fixed_texts(node).map(|texts| {
                    Operator::Equals(texts.into_iter().map(|(text, _)| Operand::new(text)).collect())
                });
            }
        };
        let [entry] = entries.as_slice() else {
            self.error(
                "mapping::invalid_condition",
                node.span.clone(),
                "a comparison has exactly one operator",
                "here",
                "use `any:`, or repeat the path in a condition of its own",
            );
            return None;
        };
        if entry.key == "exists" {
            return self.exists(&entry.value);
        }
        if !OPERATORS.contains(&entry.key.as_str()) {
            self.error(
                "mapping::invalid_condition",
                entry.key_span.clone(),
                format!("there is no operator `{}`", entry.key),
                "not an operator",
                suggestion(&entry.key, OPERATORS, "operators"),
            );
            return None;
        }
        let texts = self.texts(&entry.value)?;
        let plain = |texts: Vec<(String, Range<usize>)>| texts.into_iter().map(|(text, _)| text).collect();
        match entry.key.as_str() {
            "starts_with" => Some(Operator::StartsWith(plain(texts))),
            "ends_with" => Some(Operator::EndsWith(plain(texts))),
            "contains" => Some(Operator::Contains(plain(texts))),
            "matches" => self.matches(texts),
            _ => self.is(texts),
        }
    }

    fn exists(&mut self, node: &Node) -> Option<Operator> {
        match node.content {
            Content::Scalar(Scalar::Bool(wanted)) => Some(Operator::Exists(wanted)),
            _ => {
                self.error(
                    "mapping::invalid_condition",
                    node.span.clone(),
                    format!("`exists` wants `true` or `false`, not {}", node.describe()),
                    "here",
                    "write `exists: true`",
                );
                None
            }
        }
    }

    fn matches(&mut self, texts: Vec<(String, Range<usize>)>) -> Option<Operator> {
        let mut patterns = Vec::with_capacity(texts.len());
        let mut is_complete = true;
        for (text, span) in texts {
            match RegexBuilder::new(&text)
                .case_insensitive(true)
                .size_limit(MAX_PATTERN_BYTES)
                .build()
            {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    let reason = error.to_string();
                    let reason = reason
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .to_owned();
                    let help =
                        "patterns are those of the Rust regex crate: no look-around, no back-references";
                    self.error(
                        "mapping::invalid_pattern",
                        span,
                        format!("the pattern does not compile: {reason}"),
                        "this pattern",
                        help,
                    );
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(Operator::Matches(patterns))
    }

    fn is(&mut self, texts: Vec<(String, Range<usize>)>) -> Option<Operator> {
        let mut forms = Vec::with_capacity(texts.len());
        for (text, span) in texts {
            match Form::ALL.iter().find(|(name, _)| *name == text) {
                Some((_, form)) => forms.push(*form),
                None => {
                    let help = suggestion(&text, Form::ALL.iter().map(|(name, _)| *name), "forms");
                    self.error(
                        "mapping::invalid_condition",
                        span,
                        format!("`is` does not know `{text}`"),
                        "not a form",
                        help,
                    );
                    return None;
                }
            }
        }
        Some(Operator::Is(forms))
    }

    /// As [`Self::texts`], but none that names a value of the map: it would be compared as text, and never be equal.
    fn fixed_texts(&mut self, node: &Node) -> Option<Vec<(String, Range<usize>)>> {
        let texts = self.texts(node)?;
        let Some((text, span)) = texts.iter().find(|(text, _)| self.names_a_value(text)) else {
            return Some(texts);
        };
        let message = format!("`{text}` is compared as text, not as the value of that name");
        let help = "compare with a fixed value; two values cannot be compared with each other";
        self.error("mapping::invalid_condition", span.clone(), message, "here", help);
        None
    }

    fn names_a_value(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix('$') else {
            return false;
        };
        let (name, is_member) = rest
            .split_once('.')
            .map_or((rest, false), |(name, _)| (name, true));
        match name {
            "record" | "hub" => is_member,
            _ => {
                self.variables.iter().any(|known| known == name)
                    || self.lets.iter().any(|known| known.name == name)
                    || self.later_lets.iter().any(|known| known == name)
            }
        }
    }

    /// A scalar or a list of scalars, as text with places.
    fn texts(&mut self, node: &Node) -> Option<Vec<(String, Range<usize>)>> {
        let nodes = match &node.content {
            Content::Sequence(elements) if !elements.is_empty() => elements.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.content {
                Content::Scalar(scalar) => texts.push((scalar.text().to_owned(), node.span.clone())),
                _ => {
                    self.error(
                        "mapping::invalid_condition",
                        node.span.clone(),
                        format!(
                            "a value or a list of values belongs here, not {}",
                            node.describe()
                        ),
                        "here",
                        "to ask whether something is absent write `{ exists: false }`",
                    );
                    return None;
                }
            }
        }
        Some(texts)
    }

    /// A kind or a truth value that cannot be: the condition would never hold.
    fn check_closed_set(&mut self, left: &Pipe, operator: &Operator, node: &Node) {
        let Operator::Equals(operands) = operator else {
            return;
        };
        let known: Vec<&'static str> = match left.root {
            _ if !left.calls.is_empty() => return,
            Root::Record(RecordField::Kind) => Kind::ALL
                .iter()
                .filter(|kind| **kind != Kind::Undecodable)
                .map(|kind| kind.as_str())
                .collect(),
            Root::Record(RecordField::IsSnapshot) => vec!["true", "false"],
            _ => return,
        };
        for (index, operand) in operands.iter().enumerate() {
            if known
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&operand.text))
            {
                continue;
            }
            let span = node
                .as_sequence()
                .map_or(&node.span, |elements| &elements[index].span)
                .clone();
            let message = format!("no record ever has `{}` here", operand.text);
            let help = suggestion(&operand.text, known.iter().copied(), "values");
            self.error(
                "mapping::invalid_condition",
                span,
                message,
                "not a value of this name",
                help,
            );
        }
    }
}
