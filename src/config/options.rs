//! The options of a configuration file one by one, so that two files can be compared by what they say.
//!
//! The JSON Schema tells which options there are, and their defaults: an option that is left out equals one that is
//! written with its default, and `1m` equals `60s`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diagnostic::SourceFile;
use super::file::File;
use super::unit::{ByteSize, Duration};
use super::yaml::Node;
use super::yaml::node::{Content, Scalar};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(File).to_value());

/// Every option of one file that has a value, by its path, such as `targets.soc.mapping`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file they stand in.
    pub file: SourceFile,
    values: BTreeMap<String, OptionValue>,
    /// What the operator named: paths such as `targets.soc`, and where the name stands.
    names: BTreeMap<String, Range<usize>>,
}

/// The value of one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue {
    /// The option's path in the reference, such as `targets.<name>.mapping`.
    pub pattern: String,
    /// The value in one form of writing.
    pub text: String,
    /// Where it stands; `None` for a default.
    pub span: Option<Range<usize>>,
}

impl Options {
    /// The options of the file whose tree is `root`. The file was read before, so it has the form of the schema.
    pub fn read(file: &SourceFile, root: &Node) -> Self {
        let mut options = Self {
            file: file.clone(),
            values: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        options.collect(&Place::default(), &SCHEMA, Some(Given::Written(root)));
        options
    }

    /// The options in the order of their paths.
    pub fn values(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.values.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// The option at `path`.
    pub fn get(&self, path: &str) -> Option<&OptionValue> {
        self.values.get(path)
    }

    /// What the operator named, such as `targets.soc`, and where.
    pub fn names(&self) -> &BTreeMap<String, Range<usize>> {
        &self.names
    }

    fn collect(&mut self, place: &Place, property: &Value, given: Option<Given<'_>>) {
        let resolved = resolve(&SCHEMA, property);
        let default = property.get("default").or(resolved.get("default"));
        let given = given.filter(|given| !given.is_null());
        let Some(given) = given.or(default.filter(|default| !default.is_null()).map(Given::Default)) else {
            return;
        };
        match Form::of(resolved) {
            Form::Section(properties) => {
                for (name, property) in properties {
                    self.collect(&place.join(name), property, given.get(name));
                }
            }
            Form::Named(property) => {
                let Given::Written(node) = given else { return };
                for entry in node.as_mapping().into_iter().flatten() {
                    let place = place.named(&entry.key);
                    self.names.insert(place.path.clone(), entry.key_span.clone());
                    self.collect(&place, property, Some(Given::Written(&entry.value)));
                }
            }
            Form::Value => {
                let value = OptionValue {
                    pattern: place.pattern.clone(),
                    text: given.text(resolved["pattern"].as_str().unwrap_or_default()),
                    span: given.span(),
                };
                self.values.insert(place.path.clone(), value);
            }
        }
    }
}

/// The paths of all options there are, as the reference has them.
pub fn patterns() -> Vec<String> {
    let mut patterns = Vec::new();
    collect_patterns(&Place::default(), &SCHEMA, &mut patterns);
    patterns
}

fn collect_patterns(place: &Place, property: &Value, patterns: &mut Vec<String>) {
    match Form::of(resolve(&SCHEMA, property)) {
        Form::Section(properties) => properties
            .iter()
            .for_each(|(name, property)| collect_patterns(&place.join(name), property, patterns)),
        Form::Named(property) => collect_patterns(&place.named("<name>"), property, patterns),
        Form::Value => patterns.push(place.pattern.clone()),
    }
}

/// Follows `$ref`, also inside the `anyOf` of an optional value.
pub(super) fn resolve<'s>(schema: &'s Value, property: &'s Value) -> &'s Value {
    if let Some(name) = property["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix("#/$defs/"))
    {
        return &schema["$defs"][name];
    }
    if let Some([form, null]) = property["anyOf"].as_array().map(Vec::as_slice)
        && null["type"] == "null"
    {
        return resolve(schema, form);
    }
    property
}

/// What stands under one path.
enum Form<'s> {
    /// Options under fixed names.
    Section(&'s serde_json::Map<String, Value>),
    /// The same options under names that the operator chose.
    Named(&'s Value),
    /// One value, which may be a list or a mapping.
    Value,
}

impl<'s> Form<'s> {
    fn of(resolved: &'s Value) -> Self {
        let is_object = resolved["type"] == "object";
        match (&resolved["properties"], &resolved["additionalProperties"]) {
            (Value::Object(properties), _) if is_object => Form::Section(properties),
            (_, entry @ Value::Object(_)) if is_object => Form::Named(entry),
            _ => Form::Value,
        }
    }
}

/// A path, and the same path as the reference has it.
#[derive(Default)]
struct Place {
    path: String,
    pattern: String,
}

impl Place {
    fn join(&self, name: &str) -> Self {
        let join = |path: &str| match path {
            "" => name.to_owned(),
            _ => format!("{path}.{name}"),
        };
        Self {
            path: join(&self.path),
            pattern: join(&self.pattern),
        }
    }

    fn named(&self, name: &str) -> Self {
        Self {
            path: format!("{}.{name}", self.path),
            pattern: format!("{}.<name>", self.pattern),
        }
    }
}

/// A value from the file, or the default of an option that is left out.
#[derive(Clone, Copy)]
enum Given<'g> {
    Written(&'g Node),
    Default(&'g Value),
}

impl<'g> Given<'g> {
    fn get(self, name: &str) -> Option<Self> {
        match self {
            Given::Written(node) => node.get(name).map(Given::Written),
            Given::Default(value) => value.get(name).map(Given::Default),
        }
    }

    fn is_null(self) -> bool {
        match self {
            Given::Written(node) => node.content == Content::Null,
            Given::Default(value) => value.is_null(),
        }
    }

    fn span(self) -> Option<Range<usize>> {
        match self {
            Given::Written(node) => Some(node.span.clone()),
            Given::Default(_) => None,
        }
    }

    /// The value in one form: a list of one is its element, a duration and a size have one unit.
    fn text(self, pattern: &str) -> String {
        let json = match self {
            Given::Written(node) => json(node),
            Given::Default(value) => value.clone(),
        };
        let unit = match &json {
            Value::String(_) if pattern.contains("KiB") => {
                parse::<ByteSize>(&json).map(|size| size.0.to_string())
            }
            Value::String(_) if pattern.contains("ms|") => {
                parse::<Duration>(&json).map(|duration| duration.0.as_millis().to_string())
            }
            _ => None,
        };
        unit.unwrap_or_else(|| match json {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn json(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Scalar(Scalar::Bool(value)) => Value::Bool(*value),
        Content::Scalar(Scalar::Integer(value, _)) => Value::from(*value),
        Content::Scalar(scalar) => Value::from(scalar.text()),
        Content::Sequence(elements) => match elements.as_slice() {
            [only] => json(only),
            elements => elements.iter().map(json).collect(),
        },
        Content::Mapping(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    fn options(text: &str) -> Options {
        let file = SourceFile {
            name: "test.yaml".into(),
            text: text.into(),
        };
        let node = yaml::parse(&file).expect("it is YAML");
        Options::read(&file, &node)
    }

    #[test]
    fn different_ways_to_write_one_value_are_equal() {
        for (path, ways) in [
            ("grace_period", ["grace_period: 60s", "grace_period: 1m"]),
            ("grace_period", ["{}", "grace_period: 25s"]),
            (
                "window.bytes",
                ["window: { events: 50000 }", "window: { bytes: 24576KiB }"],
            ),
            (
                "targets.a.splunk_hec.endpoints",
                [
                    "targets: { a: { splunk_hec: { endpoints: x } } }",
                    "targets: { a: { splunk_hec: { endpoints: [x] } } }",
                ],
            ),
            (
                "targets.a.splunk_hec.acknowledgement",
                [
                    "targets: { a: { splunk_hec: {} } }",
                    "targets: { a: { splunk_hec: { acknowledgement: required } } }",
                ],
            ),
            (
                "targets.a.route",
                [
                    "targets: { a: { route: { x: 1, y: [2] } } }",
                    "targets: { a: { route: { y: 2, x: 1 } } }",
                ],
            ),
        ] {
            let [one, other] = ways.map(|text| options(text).get(path).map(|value| value.text.clone()));
            assert!(one.is_some(), "{path} has no value in {ways:?}");
            assert_eq!(one, other, "{ways:?}");
        }
    }

    #[test]
    fn names_every_value_and_where_it_stands() {
        let text = "targets: { a: { file: { path: x } } }";
        let options = options(text);
        let value = options.get("targets.a.file.path").expect("it is there");
        assert_eq!(value.pattern, "targets.<name>.file.path");
        assert_eq!(&text[value.span.clone().expect("it is written")], "x");
        assert_eq!(options.names().keys().collect::<Vec<_>>(), ["targets.a"]);
        assert_eq!(options.get("targets.a.route"), None);
    }
}
