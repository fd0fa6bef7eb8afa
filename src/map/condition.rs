//! Compiled conditions: structured tests on paths, used by `when` and by routes.

use regex::Regex;

use super::evaluation::Evaluation;
use super::expression::Pipe;
use super::item::Item;
use super::write;
use crate::decode::json::Value;

/// One condition.
#[derive(Debug)]
pub enum Condition {
    /// Every one holds; true if there are none.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A value, or any element of a list, passes the test.
    Test {
        /// The value.
        left: Pipe,
        /// The test.
        operator: Operator,
    },
}

/// A test of a present value; `Exists` alone also looks at absent ones.
#[derive(Debug)]
pub enum Operator {
    /// Equal to one of these.
    Equals(Vec<Operand>),
    /// Text that starts with one of these.
    StartsWith(Vec<String>),
    /// Text that ends with one of these.
    EndsWith(Vec<String>),
    /// Text that contains one of these.
    Contains(Vec<String>),
    /// Text in which one of these is found.
    Matches(Vec<Regex>),
    /// Present, or absent.
    Exists(bool),
    /// Text of one of these forms.
    Is(Vec<Form>),
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// As written; compared with text and truth values, without regard to ASCII case.
    pub text: String,
    /// As a number, if it is one; compared with numbers.
    pub number: Option<f64>,
}

/// A form that text can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Eight, four, four, four and twelve hexadecimal digits, with hyphens.
    Guid,
}

impl Form {
    /// All forms with their names.
    pub const ALL: [(&'static str, Form); 3] =
        [("ipv4", Form::Ipv4), ("ipv6", Form::Ipv6), ("guid", Form::Guid)];

    fn fits(self, text: &str) -> bool {
        match self {
            Form::Ipv4 => text.parse::<std::net::Ipv4Addr>().is_ok(),
            Form::Ipv6 => text.parse::<std::net::Ipv6Addr>().is_ok(),
            Form::Guid => is_guid(text.as_bytes()),
        }
    }
}

impl Operand {
    /// An operand as written.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        Self { text, number }
    }

    fn equals(&self, item: &Item<'_>) -> bool {
        match item {
            Item::Value(Value::String(text)) => text.eq_ignore_ascii_case(&self.text),
            Item::Text(text) => text.eq_ignore_ascii_case(&self.text),
            // Equal texts are equal numbers of any size; beyond that a float is exact enough to compare with.
            Item::Value(Value::Number(text)) => *text == self.text || self.is_number(text.parse().ok()),
            Item::Integer(number) => self.is_number(Some(*number as f64)),
            Item::Float(number) => self.is_number(Some(*number)),
            Item::Value(Value::Bool(value)) | Item::Bool(value) => self
                .text
                .eq_ignore_ascii_case(if *value { "true" } else { "false" }),
            Item::Time(time) => write::time_text(*time).eq_ignore_ascii_case(&self.text),
            Item::Value(_) | Item::List(_) | Item::Object(_) => false,
        }
    }

    fn is_number(&self, number: Option<f64>) -> bool {
        self.number.is_some() && self.number == number
    }
}

impl Condition {
    /// Whether it holds for the record of `evaluation`.
    pub fn holds<'s>(&'s self, evaluation: &mut Evaluation<'s, '_>) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|condition| condition.holds(evaluation)),
            Condition::Any(conditions) => conditions.iter().any(|condition| condition.holds(evaluation)),
            Condition::Not(condition) => !condition.holds(evaluation),
            Condition::Test {
                left,
                operator: Operator::Exists(wanted),
            } => evaluation.exists(left) == *wanted,
            Condition::Test { left, operator } => evaluation
                .pipe(left)
                .is_some_and(|item| operator.passes_any(item)),
        }
    }
}

impl Operator {
    fn passes_any(&self, item: Item<'_>) -> bool {
        match item {
            Item::List(items) => items.into_iter().any(|item| self.passes(item)),
            Item::Value(Value::Array(elements)) => {
                elements.iter().any(|element| self.passes(Item::Value(element)))
            }
            other => self.passes(other),
        }
    }

    fn passes(&self, item: Item<'_>) -> bool {
        if let Operator::Equals(operands) = self {
            return operands.iter().any(|operand| operand.equals(&item));
        }
        let Some(text) = item.into_text() else {
            return false;
        };
        match self {
            Operator::StartsWith(wanted) => wanted.iter().any(|wanted| starts_with(&text, wanted)),
            Operator::EndsWith(wanted) => wanted.iter().any(|wanted| ends_with(&text, wanted)),
            Operator::Contains(wanted) => wanted.iter().any(|wanted| contains(&text, wanted)),
            Operator::Matches(patterns) => patterns.iter().any(|pattern| pattern.is_match(&text)),
            Operator::Is(forms) => forms.iter().any(|form| form.fits(&text)),
            Operator::Equals(_) | Operator::Exists(_) => false,
        }
    }
}

fn starts_with(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    text.get(..wanted.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(wanted))
}

fn ends_with(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    text.len()
        .checked_sub(wanted.len())
        .is_some_and(|start| text[start..].eq_ignore_ascii_case(wanted))
}

fn contains(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let Some((first, rest)) = wanted.split_first() else {
        return true;
    };
    // Most places are ruled out by one byte.
    text.windows(wanted.len())
        .any(|window| window[0].eq_ignore_ascii_case(first) && window[1..].eq_ignore_ascii_case(rest))
}

fn is_guid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
