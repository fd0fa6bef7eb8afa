//! What values refer to by name: tables and `let`.

use std::collections::HashSet;

use super::literal::Expected;
use super::{Compiler, LetName, NamedTable};
use crate::config::yaml::Entry;
use crate::map::expression::Expression;
use crate::map::table::Table;

impl Compiler<'_> {
    pub(super) fn tables(&mut self, entries: &[Entry]) {
        for entry in entries {
            let rows = entry.value.as_mapping().unwrap_or_default();
            if rows.is_empty() {
                let message = format!("table `{}` is a mapping of keys to values", entry.key);
                self.error(
                    "mapping::invalid_value",
                    entry.value.span.clone(),
                    message,
                    "no table",
                    "write `key: value` lines",
                );
            }
            let mut values: Vec<(Box<str>, _)> = Vec::with_capacity(rows.len());
            let mut known = HashSet::with_capacity(rows.len());
            for row in rows {
                if self.is_full() {
                    break;
                }
                if !known.insert(row.key.to_ascii_lowercase()) {
                    let message = format!("`{}` stands twice in table `{}`", row.key, entry.key);
                    let help = "keys are compared without regard to case; delete one";
                    self.error(
                        "mapping::duplicate_key",
                        row.key_span.clone(),
                        message,
                        "the second one",
                        help,
                    );
                }
                if let Some(value) = self.literal_value(&row.value) {
                    values.push((row.key.as_str().into(), value));
                }
            }
            self.tables.push(NamedTable {
                name: entry.key.clone(),
                span: entry.key_span.clone(),
                file: self.file.clone(),
                node: entry.value.clone(),
                table: Table::new(values),
                is_used: false,
            });
        }
    }

    pub(super) fn lets(&mut self, entries: &[Entry]) {
        for entry in entries {
            if self.is_full() {
                break;
            }
            self.later_lets.remove(0);
            if matches!(entry.key.as_str(), "record" | "hub") {
                let message = format!("`{}` cannot be the name of a value", entry.key);
                self.error(
                    "mapping::invalid_value",
                    entry.key_span.clone(),
                    message,
                    "taken",
                    "choose another name",
                );
            }
            // A value that does not compile keeps its name, so that its uses are not errors too.
            let value = self.value(&entry.value, Expected::ANYTHING);
            let value = value.unwrap_or_else(|| Expression::List(Vec::new()));
            let shape = self.shape(&value);
            self.let_values.push(value);
            self.lets.push(LetName {
                name: entry.key.clone(),
                shape,
            });
        }
    }
}
