//! The table of maps.

use std::fmt::Write as _;

use crate::map::Mappings;

/// One map a line, under a heading; columns are as wide as their widest cell.
pub(super) fn maps(mappings: &Mappings) -> String {
    let mut rows = vec![["MAP", "KIND", "SCHEMA", "REVISION", "FROM"].map(str::to_owned)];
    for map in mappings.maps() {
        rows.push([
            map.name.clone(),
            map.kind.to_string(),
            map.schema.to_owned(),
            map.revision.clone(),
            match map.is_embedded {
                true => "embedded".to_owned(),
                false => map.source.name.to_string(),
            },
        ]);
    }
    rows.push(["native", "every kind", "none", "-", "embedded"].map(str::to_owned));
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "{cell:width$}  ").expect("writing to a String cannot fail");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
