//! The closed set of functions a path can be piped through.
//!
//! Adding one is an entry in `catalogue.rs`, a pure function in the file of its subject, and its cases in `tests.rs`.

mod catalogue;
mod date;
mod list;
mod number;
mod privacy;
mod resource;
mod text;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::budget::{self, MAX_VALUES, Spending};
use super::item::Item;
use super::salt::Salt;
pub use catalogue::FUNCTIONS;

/// Bytes of a text that a function may make longer than what it was given; a longer one is absent. The output could not
/// hold it.
const MAX_TEXT_BYTES: usize = budget::MAX_OUTPUT_BYTES;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name in a pipe.
    pub name: &'static str,
    /// What stands in its parentheses, in order.
    pub parameters: &'static [Parameter],
    /// Whether a list is given to it as a whole or element by element.
    pub input: Input,
    /// What becomes of the input.
    pub effect: Effect,
    /// Whether the configured salt stands in front of its arguments.
    pub is_salted: bool,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// An example for the reference: the pipe, its input and its result as JSON.
    pub example: [&'static str; 3],
    apply: for<'s> fn(Item<'s>, &'s [Argument]) -> Option<Item<'s>>,
}

/// Name and type of a parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in messages and the reference.
    pub name: &'static str,
    /// What can be given.
    pub kind: ParameterKind,
    /// Whether it can be left out, with all behind it.
    pub is_optional: bool,
}

/// What can be given for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// Text of at least one character.
    Separator,
    /// A whole number above 0.
    Count,
    /// A whole number from the first to the second.
    Between(usize, usize),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// An argument as given in a map.
#[derive(Debug, Clone)]
pub enum Argument {
    /// Text or a word.
    Text(Box<str>),
    /// A count.
    Count(usize),
    /// What the program adds where [`Function::is_salted`]; the first.
    Salt(Salt),
}

/// How a function takes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Element by element.
    Each,
    /// As a whole; a single value counts as a list of one.
    Whole,
}

/// What can be said of a result without running the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The same content in another form; the source counts as taken.
    Keeps,
    /// A part of the content or a summary; the source stays among the leftovers.
    Reduces,
    /// One value out of a list, as [`Effect::Reduces`].
    Picks,
    /// A list out of one value, keeping the content.
    Splits,
    /// One value out of a list, keeping the content.
    Joins,
}

impl Function {
    /// The function called `name`.
    pub fn named(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// Whether it makes a value unreadable, so that the value must not be readable elsewhere.
    pub fn is_hiding(&self) -> bool {
        matches!(self.name, "sha256" | "mask")
    }

    /// How it is written, with the names of its parameters: `split(separator)`, `mask(first[, last])`.
    pub fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for (index, parameter) in self.parameters.iter().enumerate() {
            let mark = if index == 0 { "(" } else { ", " };
            match parameter.is_optional {
                true => usage.extend(["[", mark, parameter.name, "]"]),
                false => usage.extend([mark, parameter.name]),
            }
        }
        match self.parameters {
            [] => usage,
            [only] if only.is_optional => format!("{}[({})]", self.name, only.name),
            _ => usage + ")",
        }
    }

    /// Applies it to a value; `None` if the result cannot be computed or is empty.
    pub fn apply<'s>(&self, input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
        if self.input == Input::Whole || !input.is_list() {
            return (self.apply)(input, arguments);
        }
        let mut results = Vec::new();
        // Enough to exceed the budget of whoever asked: going on would only use memory.
        let mut spending = Spending::default();
        for element in input.into_elements() {
            match (self.apply)(element, arguments) {
                Some(Item::List(inner)) => results.extend(inner),
                other => results.extend(other),
            }
            if let Some(Item::Text(Cow::Owned(text))) = results.last() {
                spending.bytes(text.len());
            }
            if spending.exceeded().is_some() || results.len() > MAX_VALUES {
                break;
            }
        }
        Item::list(results)
    }
}

impl Argument {
    /// The text given; a count has none.
    fn as_text(&self) -> &str {
        match self {
            Argument::Text(text) => text,
            Argument::Count(_) | Argument::Salt(_) => "",
        }
    }

    /// The count given; text has none.
    fn as_count(&self) -> usize {
        match self {
            Argument::Count(count) => *count,
            Argument::Text(_) | Argument::Salt(_) => 0,
        }
    }
}
