//! Whether a value is one or many, as far as the map alone can tell.

use super::Compiler;
use crate::decode::json::Value;
use crate::map::expression::{Expression, Pipe, Root};
use crate::map::function::Effect;
use crate::map::path::Selector;

/// One value, or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A single value, or whatever the record has there.
    One,
    /// A list whenever it is present.
    Many,
}

impl Compiler<'_> {
    pub(super) fn shape(&self, expression: &Expression) -> Shape {
        match expression {
            Expression::Literal(Value::Array(_)) | Expression::Each { .. } | Expression::List(_) => {
                Shape::Many
            }
            Expression::Literal(_) | Expression::Object(_) | Expression::Text(_) => Shape::One,
            Expression::Pipe(pipe) => self.pipe_shape(pipe),
            Expression::Lookup { key, .. } => self.shape(key),
            Expression::FirstOf(candidates) => self.widest(candidates.iter()),
            Expression::Cases { cases, otherwise } => {
                self.widest(cases.iter().map(|(_, value)| value).chain(otherwise.as_deref()))
            }
        }
    }

    fn widest<'e>(&self, expressions: impl Iterator<Item = &'e Expression>) -> Shape {
        let mut shapes = expressions.map(|expression| self.shape(expression));
        match shapes.any(|shape| shape == Shape::Many) {
            true => Shape::Many,
            false => Shape::One,
        }
    }

    fn pipe_shape(&self, pipe: &Pipe) -> Shape {
        let start = match pipe.root {
            Root::Let(index) => self.lets[index].shape,
            _ => Shape::One,
        };
        let after_path = pipe
            .selectors
            .iter()
            .fold(start, |shape, selector| match selector {
                Selector::All | Selector::Filter { .. } => Shape::Many,
                // A position in a computed list chooses one of it.
                Selector::Index(_) if shape == Shape::Many && pipe.selectors.len() == 1 => Shape::One,
                Selector::Key(_) | Selector::Index(_) => shape,
            });
        pipe.calls
            .iter()
            .fold(after_path, |shape, call| match call.function.effect {
                Effect::Keeps if call.function.name == "unique" => Shape::Many,
                Effect::Keeps | Effect::Reduces => shape,
                Effect::Picks | Effect::Joins => Shape::One,
                Effect::Splits => Shape::Many,
            })
    }
}
