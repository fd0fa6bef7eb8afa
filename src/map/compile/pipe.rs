//! Paths with their functions: variables, functions and arguments are looked up here.

use std::ops::Range;

use super::{Compiler, Place, suggestion};
use crate::event::RecordField;
use crate::map::expression::{Call, Pipe, Root};
use crate::map::function::{Argument, FUNCTIONS, Function, ParameterKind};
use crate::map::path::Selector;
use crate::map::salt::Salt;
use crate::map::scope::HubField;
use crate::map::syntax::{self, CallText, Name, PipeText, SyntaxError};

impl Compiler<'_> {
    /// Compiles the text of a path that stands at `span`.
    pub(super) fn pipe(&mut self, text: &str, span: &Range<usize>) -> Option<Pipe> {
        let inner = self.inner_start(text, span);
        match syntax::parse(text) {
            Ok(parsed) => self.resolve(parsed, inner),
            Err(error) => {
                self.syntax_error(error, inner);
                None
            }
        }
    }

    /// Looks up the names of a parsed path whose text starts at `start` of the file.
    pub(super) fn resolve(&mut self, parsed: PipeText, start: usize) -> Option<Pipe> {
        let mut selectors = parsed.selectors;
        let root = match parsed.variable {
            None => Some(Root::Document),
            Some(name) => self.root(&name, &mut selectors, start),
        };
        let mut calls = Vec::with_capacity(parsed.calls.len());
        let mut is_complete = true;
        for call in parsed.calls {
            match self.call(call, start) {
                Some(call) => calls.push(call),
                None => is_complete = false,
            }
        }
        is_complete.then_some(Pipe {
            root: root?,
            selectors,
            calls,
        })
    }

    pub(super) fn syntax_error(&mut self, error: SyntaxError, start: usize) {
        // An error at the very end has nothing to point at; the last character then stands for it.
        let from = if error.range.is_empty() {
            error.range.start.saturating_sub(1)
        } else {
            error.range.start
        };
        let span = start + from..start + error.range.end.max(from + 1);
        self.error("mapping::syntax", span, error.message, "here", error.help);
    }

    /// Where the text of a scalar starts: behind the quote, if it is quoted without escapes.
    pub(super) fn inner_start(&self, text: &str, span: &Range<usize>) -> usize {
        let written = self.file.text.get(span.clone()).unwrap_or_default();
        span.start + written.find(text).unwrap_or_default()
    }

    fn root(&mut self, name: &Name, selectors: &mut Vec<Selector>, start: usize) -> Option<Root> {
        match name.text.as_str() {
            "record" => {
                let names = RecordField::ALL.iter().map(|(name, _)| *name);
                self.member("record", selectors, RecordField::named, names, name, start)
                    .map(Root::Record)
            }
            "hub" => {
                let names = HubField::ALL.iter().map(|(name, _)| *name);
                self.member("hub", selectors, HubField::named, names, name, start)
                    .map(Root::Hub)
            }
            other => self.variable(other, name, start),
        }
    }

    /// `$record.<name>` and `$hub.<name>`: one known name and nothing behind it.
    fn member<T>(
        &mut self,
        scope: &str,
        selectors: &mut Vec<Selector>,
        named: impl Fn(&str) -> Option<T>,
        names: impl Iterator<Item = &'static str> + Clone,
        at: &Name,
        start: usize,
    ) -> Option<T> {
        let span = start + at.range.start..start + at.range.end;
        let given = match selectors.as_slice() {
            [Selector::Key(key)] => key.to_string(),
            _ => {
                let help = suggestion("", names, "names");
                self.error(
                    "mapping::unknown_name",
                    span,
                    format!("`${scope}` needs one name behind it"),
                    "here",
                    help,
                );
                return None;
            }
        };
        let found = named(&given);
        if found.is_none() {
            let span = span.end..span.end + 1 + given.len();
            let message = format!("`${scope}` has no `{given}`");
            self.error(
                "mapping::unknown_name",
                span,
                message,
                "not one of its names",
                suggestion(&given, names, "names"),
            );
        }
        selectors.clear();
        found
    }

    fn variable(&mut self, given: &str, name: &Name, start: usize) -> Option<Root> {
        if let Some(slot) = self.variables.iter().rposition(|known| known == given) {
            return Some(Root::Variable(slot));
        }
        if let Some(index) = self.lets.iter().position(|known| known.name == given) {
            return Some(Root::Let(index));
        }
        let span = start + name.range.start - 1..start + name.range.end;
        if self.later_lets.iter().any(|later| later == given) {
            let message = format!("`${given}` is used before it is defined");
            let help = format!("move `{given}` further up in `let`");
            self.error("mapping::unknown_name", span, message, "not defined yet", help);
            return None;
        }
        let message = match self.place {
            Place::Map => format!("`${given}` is no `let` value and no variable of an `each`"),
            Place::Route => format!("a route knows `$record` and `$hub` only, not `${given}`"),
        };
        let names: Vec<String> = (self.variables.iter().cloned())
            .chain(self.lets.iter().map(|known| known.name.clone()))
            .chain(["record".to_owned(), "hub".to_owned()])
            .collect();
        let help = suggestion(given, names.iter().map(String::as_str), "names here");
        self.error("mapping::unknown_name", span, message, "unknown", help);
        None
    }

    fn call(&mut self, call: CallText, start: usize) -> Option<Call> {
        let span = start + call.name.range.start..start + call.name.range.end;
        let Some(function) = Function::named(&call.name.text) else {
            let names = FUNCTIONS.iter().map(|function| function.name);
            let help = suggestion(&call.name.text, names, "functions");
            let message = format!("there is no function `{}`", call.name.text);
            self.error("mapping::unknown_function", span, message, "not a function", help);
            return None;
        };
        let most = function.parameters.len();
        let least = function
            .parameters
            .iter()
            .filter(|parameter| !parameter.is_optional)
            .count();
        if !(least..=most).contains(&call.arguments.len()) {
            let message = format!(
                "`{}` takes {} and got {}",
                function.name,
                count(least, most),
                call.arguments.len()
            );
            let help = format!("write `{}`", function.usage());
            self.error("mapping::wrong_arguments", span, message, "here", help);
            return None;
        }
        let mut arguments = Vec::with_capacity(most + 1);
        for (given, parameter) in call.arguments.iter().zip(function.parameters) {
            match argument(&given.text, parameter.kind) {
                Ok(argument) => arguments.push(argument),
                Err(wanted) => {
                    let span = start + given.range.start..start + given.range.end.max(given.range.start + 1);
                    let message = format!("`{}` of `{}` must be {wanted}", parameter.name, function.name);
                    self.error(
                        "mapping::wrong_arguments",
                        span,
                        message,
                        "this is not",
                        format!("write `{}`", function.usage()),
                    );
                    return None;
                }
            }
        }
        if function.is_salted {
            arguments.insert(0, Argument::Salt(self.salt(function, span)?));
        }
        Some(Call { function, arguments })
    }

    fn salt(&mut self, function: &Function, span: Range<usize>) -> Option<Salt> {
        if self.salt.is_none() {
            let message = match self.place {
                Place::Map => format!("`{}` needs a salt, and none is configured", function.name),
                Place::Route => format!("`{}` is for maps, not for routes", function.name),
            };
            let help = match self.place {
                Place::Map => {
                    "set `mapping_salt: { env: NAME }` or `{ file: PATH }` in the configuration; without a secret \
                     salt, names and addresses could be found by hashing every known one"
                }
                Place::Route => "compare the value itself",
            };
            self.error("mapping::missing_salt", span, message, "used here", help);
        }
        self.salt.clone()
    }
}

fn argument(text: &str, kind: ParameterKind) -> Result<Argument, String> {
    match kind {
        ParameterKind::Text => Ok(Argument::Text(text.into())),
        ParameterKind::Separator if text.is_empty() => Err("text of at least one character".to_owned()),
        ParameterKind::Separator => Ok(Argument::Text(text.into())),
        ParameterKind::Count => match text.parse() {
            Ok(count) if count > 0 => Ok(Argument::Count(count)),
            _ => Err("a whole number above 0".to_owned()),
        },
        ParameterKind::Between(least, most) => match text.parse() {
            Ok(count) if (least..=most).contains(&count) => Ok(Argument::Count(count)),
            _ => Err(format!("a whole number from {least} to {most}")),
        },
        ParameterKind::Word(words) if words.contains(&text) => Ok(Argument::Text(text.into())),
        ParameterKind::Word(words) => Err(format!("one of {}", words.join(", "))),
    }
}

fn count(least: usize, most: usize) -> String {
    match (least, most) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (least, most) if least == most => format!("{most} arguments"),
        (0, 1) => "at most one argument".to_owned(),
        (least, most) => format!("{least} to {most} arguments"),
    }
}
