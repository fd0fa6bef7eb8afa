//! Checks that need the whole map.

use std::collections::BTreeMap;

use super::Compiler;
use super::literal::LiteralUse;
use crate::config::diagnostic::{Diagnostic, nearest};
use crate::map::file::MappingFile;
use crate::map::schema::ecs;

impl Compiler<'_> {
    pub(super) fn check_required(&mut self, file: &MappingFile) {
        for text in &file.required {
            let written = || {
                file.fields
                    .iter()
                    .chain(&file.header)
                    .map(|entry| entry.key.as_str())
            };
            if !written().any(|key| key == text.value) {
                let help = match nearest(&text.value, written()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("give it a line in `{}`", file.output.fields_key()),
                };
                let message = format!("required field `{}` is never written", text.value);
                self.error(
                    "mapping::unknown_required",
                    text.span.clone(),
                    message,
                    "never written",
                    help,
                );
            }
        }
    }

    pub(super) fn check_unused_tables(&mut self) {
        for table in self.tables.iter().filter(|table| !table.is_used) {
            self.diagnostics.push(
                Diagnostic::new(
                    "mapping::unused_table",
                    format!("table `{}` is never used", table.name),
                )
                .at(&table.file, table.span.clone(), "this table")
                .help("delete it, or use it with `lookup:`")
                .warning(),
            );
        }
    }

    /// Every category must allow one of the types the map can write, and every type must fit one of its categories.
    pub(super) fn check_event_types(&mut self) {
        let uses = |target: &str| -> Vec<LiteralUse> {
            self.literals
                .iter()
                .filter(|used| used.target == target)
                .cloned()
                .collect()
        };
        let (categories, types) = (uses("event.category"), uses("event.type"));
        if categories.is_empty() || types.is_empty() {
            return;
        }
        let fitting: &BTreeMap<String, Vec<String>> = ecs::types_of_categories();
        let fits = |category: &LiteralUse, kind: &LiteralUse| {
            fitting
                .get(&category.text)
                .is_none_or(|types| types.contains(&kind.text))
        };
        for category in &categories {
            if !types.iter().any(|kind| fits(category, kind)) {
                let help = format!(
                    "types of `{}`: {}",
                    category.text,
                    fitting[&category.text].join(", ")
                );
                self.misfit(
                    category,
                    format!(
                        "category `{}` allows none of the map's event types",
                        category.text
                    ),
                    help,
                );
            }
        }
        for kind in &types {
            if !categories.iter().any(|category| fits(category, kind)) {
                let help = "choose a type that `event.category` allows".to_owned();
                self.misfit(
                    kind,
                    format!("event type `{}` fits none of the map's categories", kind.text),
                    help,
                );
            }
        }
    }

    fn misfit(&mut self, used: &LiteralUse, message: String, help: String) {
        self.diagnostics.push(
            Diagnostic::new("mapping::unfit_event_type", message)
                .at(&used.file, used.span.clone(), "written here")
                .help(help),
        );
    }
}
