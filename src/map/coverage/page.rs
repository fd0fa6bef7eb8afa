//! The coverage of the shipped sets as a document.

use std::fmt::Write;

use super::{Coverage, Leftovers, Row, coverage};
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
         the table says.\n\n\
         A set that has no field for a path keeps it with the rest, `(kept)`, or leaves it out, `-`; an empty cell beside a path means\n\
         that a larger part with this one in it has a field. What a set takes through `$record`, such as the severity or the\n\
         resource, is kept or left out under its own path all the same.\n",
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
        .collect();
    if mapped.is_empty() {
        return;
    }
    let names: Vec<_> = mapped.iter().map(|(set, _)| format!("`{set}`")).collect();
    writeln!(text, "\n| Path | {} |", names.join(" | ")).expect(CANNOT_FAIL);
    writeln!(text, "|---|{}", "---|".repeat(names.len())).expect(CANNOT_FAIL);
    for row in coverage.rows.values() {
        let cells = mapped
            .iter()
            .map(|(set, leftovers)| cell(coverage, row, set, leftovers));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        writeln!(text, "| `{}` | {cells} |", row.path).expect(CANNOT_FAIL);
    }
}

fn cell(coverage: &Coverage, row: &Row, set: &str, leftovers: &Leftovers) -> String {
    if let Some(targets) = row.targets.get(set) {
        let names: Vec<_> = targets.iter().map(|target| format!("`{target}`")).collect();
        return names.join(", ");
    }
    if row.path.starts_with('$') || coverage.is_within_a_field(&row.path, set) {
        return String::new();
    }
    match leftovers {
        Leftovers::Kept(_) => "(kept)".to_owned(),
        Leftovers::Dropped => "-".to_owned(),
        Leftovers::NoMap => String::new(),
    }
}

const CANNOT_FAIL: &str = "writing to a String cannot fail";
