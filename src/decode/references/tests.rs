//! References that lead somewhere, nowhere, and in circles.

use super::*;
use crate::decode::json::{parse, write_value};

/// What the first reference of a document means, as JSON; `None` if it leads nowhere.
fn meaning(document: &str) -> Option<String> {
    let document = parse(document).unwrap();
    let first = first_reference(&document).expect("there is a reference");
    let references = References::of(&document);
    let object = references.resolve(first);
    let mut output = Vec::new();
    write_value(&mut output, object);
    (!std::ptr::eq(object, first)).then(|| String::from_utf8(output).unwrap())
}

fn first_reference<'d>(value: &'d Value<'d>) -> Option<&'d Value<'d>> {
    match value {
        _ if reference(value).is_some() => Some(value),
        Value::Array(elements) => elements.iter().find_map(first_reference),
        Value::Object(members) => members.iter().find_map(|(_, member)| first_reference(member)),
        _ => None,
    }
}

#[test]
fn leads_to_the_object_that_is_meant() {
    let cases = [
        // A definition inside another entity, before the reference and behind it.
        (
            r#"{"Entities":[{"$id":"4","Host":{"$id":"5","a":1}},{"$id":"6","Host":{"$ref":"5"}}]}"#,
            Some(r#"{"$id":"5","a":1}"#),
        ),
        (
            r#"{"x":{"$ref":"1"},"y":{"$id":"1","a":2}}"#,
            Some(r#"{"$id":"1","a":2}"#),
        ),
        // A chain.
        (
            r#"{"w":{"$id":"1","$ref":"2"},"v":{"$id":"2","a":3}}"#,
            Some(r#"{"$id":"2","a":3}"#),
        ),
        // Nowhere, to itself, and in a circle.
        (r#"{"x":{"$ref":"7"},"y":1}"#, None),
        (r#"{"$ref":"7"}"#, None),
        (r#"{"x":{"$id":"1","$ref":"1"}}"#, None),
        (r#"[{"$id":"1","$ref":"2"},{"$id":"2","$ref":"1"}]"#, None),
        // Repeated ids: the first, and among the entities before elsewhere.
        (
            r#"{"R":[{"$id":"2","t":"AAD"}],"Entities":[{"$id":"2","t":"ip"},{"$id":"2","t":"host"},{"A":{"$ref":"2"}}]}"#,
            Some(r#"{"$id":"2","t":"ip"}"#),
        ),
        // A number as id.
        (
            r#"[{"$id":1,"a":1},{"b":{"$ref":1}}]"#,
            Some(r#"{"$id":1,"a":1}"#),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(meaning(input).as_deref(), expected, "{input}");
    }
}

#[test]
fn what_is_no_reference_stays_itself() {
    let document = parse(r#"{"a":{"$ref":"1"},"b":{"$id":"1","c":2},"e":5}"#).unwrap();
    let references = References::of(&document);
    for name in ["b", "e"] {
        let member = document.get(name).unwrap();
        assert!(std::ptr::eq(references.resolve(member), member), "{name}");
    }
}
