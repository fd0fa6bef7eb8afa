//! Literals: what stands in the map itself, checked against the type the schema gives its field.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Compiler, NamedTable, suggestion};
use crate::config::diagnostic::{SourceFile, nearest};
use crate::config::yaml::{Content, Node, Scalar};
use crate::decode::json::Value;
use crate::map::expression::Expression;
use crate::map::schema::{Field, Known, Shape, Type};
use crate::map::time;

/// What the schema says of the place a value goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'t> {
    /// Dotted name of the target field; empty where there is none.
    pub target: &'t str,
    /// What the schema knows of it.
    pub known: Known,
    /// Whether the value is an element of the field's list.
    pub is_element: bool,
}

/// A literal that can reach a field whose values are a closed set.
#[derive(Debug, Clone)]
pub(super) struct LiteralUse {
    pub target: String,
    pub text: String,
    pub file: SourceFile,
    pub span: Range<usize>,
}

impl Expected<'_> {
    /// No schema, no target.
    pub const ANYTHING: Expected<'static> = Expected {
        target: "",
        known: Known::Anything,
        is_element: false,
    };

    /// What is expected of an element of the list that is expected here.
    pub fn element(self) -> Self {
        Self {
            is_element: true,
            ..self
        }
    }

    /// The field of the schema, if there is one.
    pub fn field(&self) -> Option<&'static Field> {
        match self.known {
            Known::Field(field) => Some(field),
            _ => None,
        }
    }
}

impl Compiler<'_> {
    /// A literal as an expression.
    pub(super) fn literal(&mut self, node: &Node, expected: Expected<'_>) -> Option<Expression> {
        let is_complete = self.check_literal(node, expected);
        let value = self.literal_value(node)?;
        is_complete.then_some(Expression::Literal(value))
    }

    /// A literal as JSON: numbers and truth values by the rules of YAML, everything else is text.
    pub(super) fn literal_value(&mut self, node: &Node) -> Option<Value<'static>> {
        match &node.content {
            Content::Scalar(scalar) => scalar_value(scalar).or_else(|| self.empty(node)),
            Content::Sequence(elements) if !elements.is_empty() => {
                let values: Vec<_> = elements
                    .iter()
                    .map(|element| self.literal_value(element))
                    .collect();
                values.into_iter().collect::<Option<_>>().map(Value::Array)
            }
            Content::Mapping(entries) if !entries.is_empty() => {
                let members: Vec<_> = entries
                    .iter()
                    .map(|entry| Some((Cow::Owned(entry.key.clone()), self.literal_value(&entry.value)?)))
                    .collect();
                members.into_iter().collect::<Option<_>>().map(Value::Object)
            }
            _ => self.empty(node),
        }
    }

    fn empty(&mut self, node: &Node) -> Option<Value<'static>> {
        self.error(
            "mapping::missing_value",
            node.span.clone(),
            "a literal must not be empty",
            "here",
            "an absent field has no line; delete this one",
        );
        None
    }

    /// Checks the right sides of a table against the field that looks them up.
    pub(super) fn check_table(&mut self, index: usize, expected: Expected<'_>) {
        let NamedTable { node, file, .. } = &self.tables[index];
        let (node, file) = (node.clone(), file.clone());
        let current = std::mem::replace(&mut self.file, file);
        for entry in node.as_mapping().unwrap_or_default() {
            // A lookup by a list gives a list, so a single value is as good as one.
            self.check_literal(&entry.value, expected.element());
        }
        self.file = current;
    }

    /// Whether the schema allows the literal.
    pub(super) fn check_literal(&mut self, node: &Node, expected: Expected<'_>) -> bool {
        let Some(field) = expected.field() else {
            return true;
        };
        match &node.content {
            Content::Scalar(_) if field.shape == Shape::List && !expected.is_element => {
                let message = format!("`{}` wants a list", expected.target);
                let written = self
                    .file
                    .text
                    .get(node.span.clone())
                    .unwrap_or_default()
                    .to_owned();
                self.error(
                    "mapping::wrong_shape",
                    node.span.clone(),
                    message,
                    "a single value",
                    format!("write `[{written}]`"),
                );
                false
            }
            Content::Sequence(_) if field.shape == Shape::One => {
                let message = format!("`{}` wants a single value", expected.target);
                self.error(
                    "mapping::wrong_shape",
                    node.span.clone(),
                    message,
                    "a list",
                    "choose one of the values",
                );
                false
            }
            Content::Sequence(elements) => {
                let checked: Vec<_> = elements
                    .iter()
                    .map(|element| self.check_literal(element, expected.element()))
                    .collect();
                checked.into_iter().all(|is_valid| is_valid)
            }
            Content::Scalar(scalar) => self.check_scalar(node, scalar, field, expected.target),
            _ => true,
        }
    }

    fn check_scalar(&mut self, node: &Node, scalar: &Scalar, field: &Field, target: &str) -> bool {
        let text = scalar.text();
        if let Some((wanted, help)) = mismatch(scalar, field) {
            let message = format!("`{target}` wants {wanted}");
            let span = node.span.clone();
            self.error("mapping::invalid_literal", span, message, "this is not", help);
            return false;
        }
        if let Some((from, to)) = field.range
            && matches!(scalar, Scalar::Integer(number, _) if !(from..=to).contains(number))
        {
            let message = format!("`{target}` wants a number from {from} to {to}");
            let span = node.span.clone();
            self.error(
                "mapping::invalid_literal",
                span,
                message,
                "this is not",
                "choose another",
            );
            return false;
        }
        if field.allowed.is_empty() {
            return true;
        }
        if !field.allowed.iter().any(|allowed| allowed.value == text) {
            let message = format!("`{text}` is not a value of `{target}`");
            let help = allowed_help(text, field);
            let span = node.span.clone();
            self.error(
                "mapping::invalid_literal",
                span,
                message,
                "not in the schema",
                help,
            );
            return false;
        }
        self.literals.push(LiteralUse {
            target: target.to_owned(),
            text: text.to_owned(),
            file: self.file.clone(),
            span: node.span.clone(),
        });
        true
    }
}

/// The values of a closed set, with their names where they have such.
fn allowed_help(given: &str, field: &Field) -> String {
    let names = field.allowed.iter().map(|allowed| match &*allowed.caption {
        "" => allowed.value.as_str(),
        caption => caption,
    });
    if field.allowed.iter().all(|allowed| allowed.caption.is_empty()) {
        return suggestion(given, names, "values");
    }
    let values = field
        .allowed
        .iter()
        .map(|allowed| format!("{} {}", allowed.value, allowed.caption));
    let list = format!("values: {}", values.collect::<Vec<_>>().join(", "));
    let near = nearest(given, names);
    match field
        .allowed
        .iter()
        .find(|allowed| Some(&*allowed.caption) == near)
    {
        Some(meant) => format!("did you mean {} ({})? {list}", meant.value, meant.caption),
        None => list,
    }
}

/// What a field wants instead of this scalar, and how to write it.
fn mismatch(scalar: &Scalar, field: &Field) -> Option<(&'static str, String)> {
    let text = scalar.text();
    let is_text = matches!(scalar, Scalar::Text(_));
    let is_number = matches!(scalar, Scalar::Integer(..) | Scalar::Float(..));
    let address = "write it as 192.0.2.1 or 2001:db8::1".to_owned();
    match field.value_type {
        Type::Text if !is_text => Some(("text", format!("quote it: \"{text}\""))),
        Type::Whole if !is_number && !field.allowed.is_empty() => {
            Some(("a number", allowed_help(text, field)))
        }
        Type::Whole | Type::Number if !is_number => Some(("a number", number_help(text))),
        Type::Whole if !matches!(scalar, Scalar::Integer(..)) => {
            Some(("a whole number", "write it without a fraction".to_owned()))
        }
        Type::Boolean if !matches!(scalar, Scalar::Bool(_)) => {
            Some(("a truth value", "write `true` or `false`".to_owned()))
        }
        Type::Date if time::parse(text).is_none() => {
            Some(("a date", "write it as 2024-11-08T07:01:02Z".to_owned()))
        }
        Type::Moment if !is_number && time::parse(text).is_none() => {
            Some(("a date", "write it as 2024-11-08T07:01:02Z".to_owned()))
        }
        Type::Ip if text.parse::<IpAddr>().is_err() => Some(("an IP address", address)),
        Type::Ipv4 if text.parse::<Ipv4Addr>().is_err() => Some(("an IPv4 address", address)),
        Type::Ipv6 if text.parse::<Ipv6Addr>().is_err() => Some(("an IPv6 address", address)),
        Type::Object => Some(("an object", "give its members fields of their own".to_owned())),
        _ => None,
    }
}

fn number_help(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(_) => "write it without quotes".to_owned(),
        Err(_) => "write a number, or give words numbers in a table and use `lookup:`".to_owned(),
    }
}

fn scalar_value(scalar: &Scalar) -> Option<Value<'static>> {
    match scalar {
        Scalar::Text(text) if text.is_empty() => None,
        Scalar::Text(text) => Some(Value::String(Cow::Owned(text.clone()))),
        Scalar::Bool(value) => Some(Value::Bool(*value)),
        Scalar::Integer(number, _) => Some(Value::Number(Cow::Owned(number.to_string()))),
        // YAML knows infinities, JSON does not; as text they keep their meaning.
        Scalar::Float(number, text) if !number.is_finite() => Some(Value::String(Cow::Owned(text.clone()))),
        Scalar::Float(number, text) => {
            let is_json = serde_json::from_str::<serde_json::Number>(text).is_ok();
            Some(Value::Number(Cow::Owned(if is_json {
                text.clone()
            } else {
                number.to_string()
            })))
        }
    }
}
