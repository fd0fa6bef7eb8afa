//! What differs between an output and what is expected of it, field by field.

use serde_json::Value;

use crate::config::diagnostic::nearest;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// A field has another value.
    Other {
        /// Dotted name.
        name: String,
        /// As expected.
        expected: Value,
        /// As it is.
        actual: Value,
    },
    /// A field is not there.
    Missing {
        /// Dotted name.
        name: String,
        /// As expected.
        expected: Value,
        /// The name most like it that is there.
        near: Option<String>,
    },
    /// A field is there that should not be.
    Extra {
        /// Dotted name.
        name: String,
        /// Its value.
        actual: Value,
    },
}

/// Compares the fields named in `expected`; with `is_exact` every other field is a difference too.
pub fn compare(expected: &[(String, Value)], is_exact: bool, actual: &Value) -> Vec<Difference> {
    let leaves = leaves(actual);
    let mut differences = Vec::new();
    for (name, expected) in expected {
        match find(actual, name) {
            Some(actual) if is_equal(expected, actual) => {}
            Some(actual) => differences.push(Difference::Other {
                name: name.clone(),
                expected: expected.clone(),
                actual: actual.clone(),
            }),
            None => differences.push(Difference::Missing {
                name: name.clone(),
                expected: expected.clone(),
                near: nearest(name, leaves.iter().map(|(name, _)| name.as_str())).map(str::to_owned),
            }),
        }
    }
    if is_exact {
        let others = leaves
            .iter()
            .filter(|(leaf, _)| !expected.iter().any(|(name, _)| is_covered(leaf, name)));
        differences.extend(others.map(|(name, actual)| Difference::Extra {
            name: name.clone(),
            actual: (*actual).clone(),
        }));
    }
    differences
}

/// The fields in `absent` that are there.
pub fn present(absent: &[String], actual: &Value) -> Vec<Difference> {
    let found = absent.iter().filter_map(|name| Some((name, find(actual, name)?)));
    found
        .map(|(name, actual)| Difference::Extra {
            name: name.clone(),
            actual: actual.clone(),
        })
        .collect()
}

/// The value at a dotted name, such as `vulnerabilities[0].cve.uid`. Names of members may have dots in them.
pub fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    if name.is_empty() {
        return Some(value);
    }
    match value {
        Value::Object(members) => members.get(name).or_else(|| {
            let ends = name.match_indices(['.', '[']);
            ends.filter_map(|(end, mark)| {
                let rest = if mark == "." {
                    &name[end + 1..]
                } else {
                    &name[end..]
                };
                find(members.get(&name[..end])?, rest)
            })
            .next()
        }),
        Value::Array(elements) => {
            let (index, rest) = name.strip_prefix('[')?.split_once(']')?;
            let element = elements.get(index.parse::<usize>().ok()?)?;
            find(element, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => None,
    }
}

/// Every field that is no object with members, by its dotted name, in the order written.
pub fn leaves(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    collect(String::new(), value, &mut found);
    found
}

fn collect<'v>(name: String, value: &'v Value, found: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                let name = match name.is_empty() {
                    true => member.clone(),
                    false => format!("{name}.{member}"),
                };
                collect(name, value, found);
            }
        }
        other => found.push((name, other)),
    }
}

/// Whether an expectation of `name` says something of `leaf`.
fn is_covered(leaf: &str, name: &str) -> bool {
    let is_below = leaf
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_below || name.strip_prefix(leaf).is_some_and(|rest| rest.starts_with('['))
}

/// Whether two values are the same; `1` and `1.0` are one number, and the order of members does not matter.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match one.is_f64() || other.is_f64() {
            true => one.as_f64() == other.as_f64(),
            // Whole numbers beyond 53 bits are not exact as floats.
            false => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| is_equal(value, other)))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expected: Value, is_exact: bool, actual: Value) -> Vec<Difference> {
        let expected: Vec<_> = expected
            .as_object()
            .expect("names and values")
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        compare(&expected, is_exact, &actual)
    }

    #[test]
    fn finds_fields_by_their_dotted_names() {
        let value = json!({ "a": { "b": [{ "c": 1 }, { "c": 2 }] }, "d.e": { "f": 3 } });
        for (name, expected) in [
            ("a.b[1].c", Some(json!(2))),
            ("a.b[2].c", None),
            ("d.e.f", Some(json!(3))),
            ("a.x", None),
            ("a.b[0]", Some(json!({ "c": 1 }))),
        ] {
            assert_eq!(find(&value, name), expected.as_ref(), "{name}");
        }
    }

    #[test]
    fn only_listed_fields_are_compared() {
        let actual = json!({ "event": { "severity": 73, "kind": "alert" }, "tags": ["a", "b"] });
        assert_eq!(
            check(
                json!({ "event.severity": 73.0, "tags": ["a", "b"] }),
                false,
                actual.clone()
            ),
            []
        );
        let differences = check(
            json!({ "event.severty": 73, "event.kind": "state", "tags": ["b", "a"] }),
            false,
            actual,
        );
        let expected = [
            Difference::Missing {
                name: "event.severty".into(),
                expected: json!(73),
                near: Some("event.severity".into()),
            },
            Difference::Other {
                name: "event.kind".into(),
                expected: json!("state"),
                actual: json!("alert"),
            },
            Difference::Other {
                name: "tags".into(),
                expected: json!(["b", "a"]),
                actual: json!(["a", "b"]),
            },
        ];
        assert_eq!(differences, expected);
    }

    #[test]
    fn exact_means_nothing_else() {
        let actual = json!({ "a": { "b": 1, "c": 2 }, "d": [{ "e": 1 }] });
        assert_eq!(
            check(
                json!({ "a": { "b": 1, "c": 2 }, "d[0].e": 1 }),
                true,
                actual.clone()
            ),
            []
        );
        let differences = check(json!({ "a.b": 1, "d": [{ "e": 1 }] }), true, actual);
        let expected = [Difference::Extra {
            name: "a.c".into(),
            actual: json!(2),
        }];
        assert_eq!(differences, expected);
    }
}
