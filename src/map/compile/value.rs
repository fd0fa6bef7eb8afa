//! Values: literals, paths, and the operators.

use super::literal::Expected;
use super::targets::joined;
use super::{Compiler, suggestion};
use crate::config::yaml::{Content, Entry, Node, Scalar};
use crate::map::expression::{Expression, Structure, TextPiece};
use crate::map::schema::Type;
use crate::map::syntax::{self, Piece};

/// The operators by their first key, each with the keys it may have beside it.
const OPERATORS: [(&str, &[&str]); 9] = [
    ("first_of", &[]),
    ("lookup", &["key", "otherwise"]),
    ("cases", &[]),
    ("when", &["use"]),
    ("each", &["as", "make"]),
    ("list", &[]),
    ("object", &[]),
    ("text", &[]),
    ("literal", &[]),
];

impl Compiler<'_> {
    /// Compiles a value; `expected` is what the schema says of the place it goes to.
    pub(super) fn value(&mut self, node: &Node, expected: Expected<'_>) -> Option<Expression> {
        match &node.content {
            Content::Null => {
                self.error(
                    "mapping::missing_value",
                    node.span.clone(),
                    "a value is missing",
                    "here",
                    "write a path, a literal or an operator; to leave a field out, delete its line",
                );
                None
            }
            Content::Scalar(Scalar::Text(text)) if syntax::is_path(text) => {
                self.pipe(text, &node.span).map(Expression::Pipe)
            }
            Content::Scalar(_) => self.literal(node, expected),
            Content::Sequence(elements) => {
                if let Some(path) = elements
                    .iter()
                    .find(|element| element.as_text().is_some_and(syntax::is_path))
                {
                    self.error(
                        "mapping::invalid_value",
                        path.span.clone(),
                        "a list in brackets is taken literally and cannot hold a path",
                        "a path",
                        "write `list: [ … ]`, or `literal:` if it is meant as text",
                    );
                    return None;
                }
                self.literal(node, expected)
            }
            Content::Mapping(entries) => self.operator(node, entries, expected),
        }
    }

    fn operator_of(&mut self, node: &Node, entries: &[Entry]) -> Option<&'static str> {
        let found = OPERATORS
            .iter()
            .find(|(name, _)| entries.iter().any(|entry| entry.key == *name));
        let Some((name, companions)) = found else {
            let names = OPERATORS.iter().map(|(name, _)| *name);
            let (given, span) = entries.first().map_or(("", node.span.clone()), |entry| {
                (entry.key.as_str(), entry.key_span.clone())
            });
            let help = suggestion(given, names, "operators");
            self.error(
                "mapping::unknown_operator",
                span,
                format!("`{given}` is no operator"),
                "not an operator",
                help,
            );
            return None;
        };
        let mut is_valid = true;
        for entry in entries {
            if entry.key != *name && !companions.contains(&entry.key.as_str()) {
                let message = format!("`{name}` has no `{}`", entry.key);
                let help = suggestion(&entry.key, companions.iter().copied(), "keys beside it");
                self.error(
                    "mapping::unknown_operator",
                    entry.key_span.clone(),
                    message,
                    "does not belong here",
                    help,
                );
                is_valid = false;
            }
        }
        for companion in companions.iter().filter(|companion| **companion != "otherwise") {
            if !entries.iter().any(|entry| entry.key == *companion) {
                let message = format!("`{name}` needs `{companion}` beside it");
                self.error(
                    "mapping::missing_value",
                    node.span.clone(),
                    message,
                    "here",
                    format!("add `{companion}: …`"),
                );
                is_valid = false;
            }
        }
        is_valid.then_some(*name)
    }

    fn operator(&mut self, node: &Node, entries: &[Entry], expected: Expected<'_>) -> Option<Expression> {
        let name = self.operator_of(node, entries)?;
        let part = |key: &str| {
            let found = entries.iter().find(|entry| entry.key == key);
            &found.expect("the keys were checked").value
        };
        match name {
            "first_of" => self.values(part(name), expected).map(Expression::FirstOf),
            "list" => self.values(part(name), expected.element()).map(Expression::List),
            "lookup" => self.lookup(node, part(name), part("key"), expected),
            "cases" => self.cases(part(name), expected),
            "when" => {
                let condition = self.condition(part(name));
                let value = self.value(part("use"), expected);
                Some(Expression::Cases {
                    cases: vec![(condition?, value?)],
                    otherwise: None,
                })
            }
            "each" => self.each(part(name), part("as"), part("make"), expected),
            "object" => self.object(part(name), expected),
            "text" => self.template(part(name)),
            _ => self.literal(part(name), expected),
        }
    }

    fn values(&mut self, node: &Node, expected: Expected<'_>) -> Option<Vec<Expression>> {
        let Some(elements) = node.as_sequence().filter(|elements| !elements.is_empty()) else {
            let message = format!("a list of values belongs here, not {}", node.describe());
            self.error(
                "mapping::invalid_value",
                node.span.clone(),
                message,
                "no list",
                "write `[value, value]`",
            );
            return None;
        };
        let values: Vec<_> = elements
            .iter()
            .map(|element| self.value(element, expected))
            .collect();
        values.into_iter().collect()
    }

    fn lookup(
        &mut self,
        node: &Node,
        table: &Node,
        key: &Node,
        expected: Expected<'_>,
    ) -> Option<Expression> {
        let key = self.value(key, Expected::ANYTHING);
        let otherwise = node.get("otherwise").map(|node| self.value(node, expected));
        let given = table.as_text().unwrap_or_default();
        let Some(index) = self.tables.iter().position(|known| known.name == given) else {
            let names: Vec<String> = self.tables.iter().map(|known| known.name.clone()).collect();
            let help = suggestion(given, names.iter().map(String::as_str), "tables");
            let message = format!("there is no table `{given}`");
            self.error(
                "mapping::unknown_table",
                table.span.clone(),
                message,
                "not in `tables`",
                help,
            );
            return None;
        };
        self.tables[index].is_used = true;
        self.check_table(index, expected);
        let otherwise = match otherwise {
            Some(otherwise) => Some(Box::new(otherwise?)),
            None => None,
        };
        Some(Expression::Lookup {
            table: index,
            key: Box::new(key?),
            otherwise,
        })
    }

    fn cases(&mut self, node: &Node, expected: Expected<'_>) -> Option<Expression> {
        const HELP: &str =
            "a case is `- when: condition` with `use: value`; the last may be `- otherwise: value`";
        let elements = node.as_sequence().unwrap_or_default();
        if elements.is_empty() {
            self.error(
                "mapping::invalid_value",
                node.span.clone(),
                "`cases` wants a list of cases",
                "no list",
                HELP,
            );
            return None;
        }
        let mut cases = Vec::with_capacity(elements.len());
        let mut otherwise = None;
        let mut is_complete = true;
        for (index, element) in elements.iter().enumerate() {
            let keys: Vec<_> = element
                .as_mapping()
                .unwrap_or_default()
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            match keys.as_slice() {
                ["when", "use"] | ["use", "when"] => {
                    let condition = element.get("when").and_then(|node| self.condition(node));
                    let value = element.get("use").and_then(|node| self.value(node, expected));
                    is_complete &= condition.is_some() && value.is_some();
                    cases.extend(condition.zip(value));
                }
                ["otherwise"] if index + 1 == elements.len() => {
                    otherwise = element
                        .get("otherwise")
                        .and_then(|node| self.value(node, expected))
                        .map(Box::new);
                    is_complete &= otherwise.is_some();
                }
                ["otherwise"] => {
                    self.error(
                        "mapping::invalid_value",
                        element.span.clone(),
                        "cases behind `otherwise` are never reached",
                        "must be the last",
                        HELP,
                    );
                    is_complete = false;
                }
                _ => {
                    self.error(
                        "mapping::invalid_value",
                        element.span.clone(),
                        "this is no case",
                        "here",
                        HELP,
                    );
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(Expression::Cases { cases, otherwise })
    }

    fn each(
        &mut self,
        over: &Node,
        variable: &Node,
        make: &Node,
        expected: Expected<'_>,
    ) -> Option<Expression> {
        let over = self.value(over, Expected::ANYTHING);
        let name = match &variable.content {
            Content::Scalar(scalar) => scalar.text().to_owned(),
            _ => String::new(),
        };
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
            && !matches!(name.as_str(), "record" | "hub");
        if !is_name {
            self.error(
                "mapping::invalid_value",
                variable.span.clone(),
                "the name of a variable has letters, digits and `_`, and is not `record` or `hub`",
                "not a name",
                "write `as: item` and use it as `$item`",
            );
            return None;
        }
        let slot = self.variables.len();
        self.variables.push(name);
        self.variable_slots = self.variable_slots.max(self.variables.len());
        let make = self.value(make, expected.element());
        self.variables.pop();
        Some(Expression::Each {
            over: Box::new(over?),
            variable: slot,
            make: Box::new(make?),
        })
    }

    fn object(&mut self, node: &Node, expected: Expected<'_>) -> Option<Expression> {
        if let Some(field) = expected.field()
            && !matches!(field.value_type, Type::Object | Type::Anything)
        {
            let message = format!("`{}` is no object", expected.target);
            let help = "write the value itself";
            self.error(
                "mapping::wrong_shape",
                node.span.clone(),
                message,
                "an object",
                help,
            );
            return None;
        }
        let Some(entries) = node.as_mapping().filter(|entries| !entries.is_empty()) else {
            let message = format!("`object` wants fields, not {}", node.describe());
            self.error(
                "mapping::invalid_value",
                node.span.clone(),
                message,
                "no fields",
                "write `object: { name: value }`",
            );
            return None;
        };
        let mut structure = Structure::default();
        let mut is_complete = true;
        for entry in entries {
            let target = joined(expected.target, &entry.key);
            let Some(known) = self.known_below(expected, &entry.key, &entry.key_span) else {
                is_complete = false;
                continue;
            };
            let inner = Expected {
                target: &target,
                known,
                is_element: false,
            };
            is_complete &= self.field(&mut structure, entry, inner, &[]);
        }
        if let (true, Some(object)) = (is_complete, expected.field().and_then(|field| field.object())) {
            self.complete_object(&mut structure, object, expected.target, node);
        }
        is_complete.then_some(Expression::Object(structure))
    }

    fn template(&mut self, node: &Node) -> Option<Expression> {
        let Some(text) = node.as_text() else {
            let message = format!("`text` wants text, not {}", node.describe());
            self.error(
                "mapping::invalid_value",
                node.span.clone(),
                message,
                "no text",
                "write `text: \"{.Path} and text\"`",
            );
            return None;
        };
        let start = self.inner_start(text, &node.span);
        let pieces = match syntax::parse_template(text) {
            Ok(pieces) => pieces,
            Err(error) => {
                self.syntax_error(error, start);
                return None;
            }
        };
        let mut compiled = Vec::with_capacity(pieces.len());
        let mut is_complete = true;
        for piece in pieces {
            match piece {
                Piece::Text(text) => compiled.push(TextPiece::Literal(text)),
                Piece::Pipe(pipe) => match self.resolve(pipe, start) {
                    Some(pipe) => compiled.push(TextPiece::Pipe(pipe)),
                    None => is_complete = false,
                },
            }
        }
        is_complete.then_some(Expression::Text(compiled))
    }
}
