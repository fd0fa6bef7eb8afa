//! The references in `docs/`, written from the doc comments; `tests/documents.rs` fails when they are stale.

use std::fmt::Write;

use serde_json::Value;

use super::file::File;
use super::options;
use crate::telemetry::Metrics;

/// `docs/configuration.md`.
pub fn configuration() -> String {
    let schema = schemars::schema_for!(File).to_value();
    let mut text = String::from(
        "# Configuration\n\n\
         One YAML file. This page is written from the doc comments in the code; change it there.\n\
         `hub2siem check` finds every mistake, `hub2siem schema config` prints the JSON Schema for editors.\n\n\
         Durations are written with a unit (`ms s m h d`), sizes too (`B KiB MiB GiB`).\n\
         Secrets are never written into the file: `{ env: NAME }` reads an environment variable, `{ file: PATH }` a file, \
         of which one trailing line end is trimmed.\n",
    );
    let mut page = Page {
        schema: &schema,
        text: &mut text,
    };
    page.section("", &schema, 2);
    text
}

/// `docs/metrics.md`.
pub fn metrics() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         Served at `/metrics`. This page is written from the code; change it there.\n\
         Besides these there are the usual `process_*` metrics: CPU seconds, resident memory, open files, start time.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in Metrics::describe() {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.metric_type,
            labels.join(", "),
            metric.help
        )
        .expect("writing to a String cannot fail");
    }
    text
}

struct Page<'s> {
    schema: &'s Value,
    text: &'s mut String,
}

impl Page<'_> {
    /// One object of the schema as a heading, a sentence and a table; then the objects below it.
    fn section(&mut self, path: &str, object: &Value, level: usize) {
        let Some(properties) = object["properties"].as_object() else {
            return;
        };
        if !path.is_empty() {
            writeln!(self.text, "\n{} `{path}`\n", "#".repeat(level.min(4)))
                .expect("writing to a String cannot fail");
            if let Some(description) = object["description"].as_str() {
                writeln!(self.text, "{}\n", one_line(description)).expect("writing to a String cannot fail");
            }
        } else {
            self.text.push('\n');
        }
        self.text
            .push_str("| option | form | default | meaning |\n|---|---|---|---|\n");
        for (name, property) in properties {
            let is_required = object["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|other| other == name));
            self.row(name, property, is_required);
        }
        for (name, property) in properties {
            let resolved = self.resolve(property);
            if let Some(entries) = resolved
                .get("additionalProperties")
                .filter(|entries| entries.is_object())
            {
                let entries = self.resolve(entries);
                self.section(&join(path, &format!("{name}.<name>")), &entries, level + 1);
            } else if resolved["properties"].is_object() {
                self.section(&join(path, name), &resolved, level + 1);
            }
        }
    }

    fn row(&mut self, name: &str, property: &Value, is_required: bool) {
        let resolved = self.resolve(property);
        let form = self.form(&resolved);
        let default = match property.get("default").or(resolved.get("default")) {
            _ if is_required => "required".to_owned(),
            Some(Value::Null) | None => "none".to_owned(),
            Some(Value::Object(_)) => "see below".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
        };
        let description = property["description"]
            .as_str()
            .or(resolved["description"].as_str())
            .unwrap_or_default();
        let meaning = one_line(description) + &choices(&resolved);
        writeln!(self.text, "| `{name}` | {form} | {default} | {meaning} |")
            .expect("writing to a String cannot fail");
    }

    fn form(&self, property: &Value) -> String {
        if let Some(forms) = property["anyOf"].as_array().or(property["oneOf"].as_array()) {
            let mut names: Vec<String> = Vec::new();
            for form in forms {
                let name = self.form(&self.resolve(form));
                if name != "null" && !names.contains(&name) {
                    names.push(name);
                }
            }
            return names.join(" or ");
        }
        if let Some(value) = property["const"].as_str() {
            return format!("`{value}`");
        }
        if let Some(values) = property["enum"].as_array() {
            let values: Vec<_> = values
                .iter()
                .filter_map(Value::as_str)
                .map(|value| format!("`{value}`"))
                .collect();
            return values.join(" or ");
        }
        if let Some(only) = property["properties"]
            .as_object()
            .filter(|fields| fields.len() == 1)
            && property["required"]
                .as_array()
                .is_some_and(|required| required.len() == 1)
            && let Some(key) = only.keys().next()
        {
            return format!("`{{ {key}: … }}`");
        }
        match &property["type"] {
            Value::String(name) => type_name(name, property["pattern"].as_str()),
            Value::Array(names) => {
                let names: Vec<_> = names
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|name| *name != "null")
                    .map(|name| type_name(name, property["pattern"].as_str()))
                    .collect();
                names.join(" or ")
            }
            _ => "value".to_owned(),
        }
    }

    fn resolve(&self, property: &Value) -> Value {
        options::resolve(self.schema, property).clone()
    }
}

/// The meaning of each value of a closed set.
fn choices(property: &Value) -> String {
    let forms = property["oneOf"].as_array().or(property["anyOf"].as_array());
    let mut text = String::new();
    for form in forms.into_iter().flatten() {
        let name = form["const"].as_str().or_else(|| {
            form["properties"]
                .as_object()
                .filter(|fields| fields.len() == 1)?
                .keys()
                .next()
                .map(String::as_str)
        });
        if let (Some(name), Some(meaning)) = (name, form["description"].as_str()) {
            write!(text, " `{name}`: {}", one_line(meaning)).expect("writing to a String cannot fail");
        }
    }
    text
}

fn type_name(name: &str, pattern: Option<&str>) -> String {
    match (name, pattern) {
        ("string", Some(pattern)) if pattern.contains("KiB") => "size",
        ("string", Some(pattern)) if pattern.contains("ms|") => "duration",
        ("string", _) => "text",
        ("integer" | "number", _) => "number",
        ("boolean", _) => "`true` or `false`",
        ("array", _) => "list",
        ("object", _) => "mapping",
        (other, _) => other,
    }
    .to_owned()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
