//! The coverage of the shipped sets as a document.

use std::fmt::Write;

use super::{Coverage, Leftovers, coverage};
use crate::map::library::Mappings;

/// `docs/coverage.md`, in Markdown.
pub fn page(mappings: &Mappings) -> String {
    let mut text = String::from(
        "# Coverage: what goes where\n\n\
         For each kind of record: every part of it that a shipped map asks for, and the target fields it goes to. Written from the\n\
         maps; change it there (`UPDATE_DOCUMENTS=1 cargo test --test documents` renews this page).\n\n\
         To the left stands a path into the record as exported, or a value that the bridge derives (`$record`, `$hub`). A filter\n\
         such as `[Type=host]` names the elements of a list. Where several paths lead to one field, the map says which one counts;\n\
         where a field has one of several fixed values, the path is what decides. Parts that stand in no row go where the line above\n\
         the table says.\n",
    );
    for coverage in coverage(mappings) {
        kind(&mut text, &coverage);
    }
    text
}

fn kind(text: &mut String, coverage: &Coverage) {
    writeln!(text, "\n## `{}`\n", coverage.kind).expect(CANNOT_FAIL);
    let sets = coverage.leftovers.iter().map(|(set, leftovers)| match leftovers {
        Leftovers::Kept(name) => format!("`{set}`: kept under `{name}`"),
        Leftovers::Dropped => format!("`{set}`: left out"),
        Leftovers::NoMap => format!("`{set}`: no map, written as `native`"),
    });
    writeln!(text, "The rest: {}.", sets.collect::<Vec<_>>().join("; ")).expect(CANNOT_FAIL);
    let mapped: Vec<_> = coverage
        .leftovers
        .iter()
        .filter(|(_, leftovers)| *leftovers != Leftovers::NoMap)
        .map(|(set, _)| set)
        .collect();
    if mapped.is_empty() {
        return;
    }
    let names: Vec<_> = mapped.iter().map(|set| format!("`{set}`")).collect();
    writeln!(text, "\n| Path | {} |", names.join(" | ")).expect(CANNOT_FAIL);
    writeln!(text, "|---|{}", "---|".repeat(names.len())).expect(CANNOT_FAIL);
    for row in coverage.rows.values() {
        let cells = mapped.iter().map(|set| match row.targets.get(*set) {
            Some(targets) => targets
                .iter()
                .map(|target| format!("`{target}`"))
                .collect::<Vec<_>>()
                .join(", "),
            None => String::new(),
        });
        let cells = cells.collect::<Vec<_>>().join(" | ");
        writeln!(text, "| `{}` | {cells} |", row.path).expect(CANNOT_FAIL);
    }
}

const CANNOT_FAIL: &str = "writing to a String cannot fail";
