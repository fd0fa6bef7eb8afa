//! References that lead somewhere, nowhere, and in circles.

use super::*;
use crate::decode::json::parse;

fn written(document: &str) -> String {
    let document = parse(document).unwrap();
    let mut output = Vec::new();
    References::of(&document).write_resolved(&mut output, &document);
    String::from_utf8(output).unwrap()
}

#[test]
fn replaces_references_and_drops_markers() {
    let cases = [
        // None at all.
        (r#"{"a":[1,{"$type":"t","b":2}]}"#, r#"{"a":[1,{"b":2}]}"#),
        // Nested definitions and a reference to one inside another entity.
        (
            r#"{"Entities":[{"$id":"4","Host":{"$id":"5","HostName":"h"}},{"$id":"6","Host":{"$ref":"5"}}]}"#,
            r#"{"Entities":[{"Host":{"HostName":"h"}},{"Host":{"HostName":"h"}}]}"#,
        ),
        // A list of references.
        (
            r#"[{"$id":"1","a":1},{"Files":[{"$ref":"1"},{"$ref":"9"},{"$ref":"1"}]}]"#,
            r#"[{"a":1},{"Files":[{"a":1},{"a":1}]}]"#,
        ),
        // A chain.
        (
            r#"{"x":{"$ref":"1"},"y":{"$id":"1","z":{"$ref":"2"}},"w":{"$id":"2","v":3}}"#,
            r#"{"x":{"z":{"v":3}},"y":{"z":{"v":3}},"w":{"v":3}}"#,
        ),
        // Nowhere.
        (r#"{"x":{"$ref":"7"},"y":1}"#, r#"{"y":1}"#),
        (r#"{"$ref":"7"}"#, "null"),
        // Itself, and two that name one another.
        (r#"{"$id":"1","self":{"$ref":"1"},"a":1}"#, r#"{"a":1}"#),
        (
            r#"[{"$id":"1","n":"a","other":{"$ref":"2"}},{"$id":"2","n":"b","other":{"$ref":"1"}}]"#,
            r#"[{"n":"a","other":{"n":"b"}},{"n":"b","other":{"n":"a"}}]"#,
        ),
        // Repeated ids: the first, and among the entities before elsewhere.
        (
            r#"{"R":[{"$id":"2","t":"AAD"}],"Entities":[{"$id":"2","t":"ip"},{"$id":"2","t":"host"},{"$id":"3","A":{"$ref":"2"}}]}"#,
            r#"{"R":[{"t":"AAD"}],"Entities":[{"t":"ip"},{"t":"host"},{"A":{"t":"ip"}}]}"#,
        ),
        // A number as id.
        (
            r#"[{"$id":1,"a":1},{"b":{"$ref":1}}]"#,
            r#"[{"a":1},{"b":{"a":1}}]"#,
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(written(input), expected, "{input}");
    }
}

#[test]
fn resolves_to_the_object_or_to_itself() {
    let document = parse(r#"{"a":{"$ref":"1"},"b":{"$id":"1","c":2},"d":{"$ref":"8"},"e":5}"#).unwrap();
    let references = References::of(&document);
    let member = |name: &str| document.get(name).unwrap();
    assert!(std::ptr::eq(references.resolve(member("a")), member("b")));
    for name in ["b", "d", "e"] {
        assert!(
            std::ptr::eq(references.resolve(member(name)), member(name)),
            "{name}"
        );
    }
}

/// Scenario: ten levels, each of which names the next eight times, and a chain of twenty.
/// Guarantees: the output stays bounded, and is JSON.
#[test]
fn expansion_is_bounded() {
    let level = |index: usize| {
        let inner = vec![format!(r#"{{"$ref":"{}"}}"#, index + 1); 8].join(",");
        format!(
            r#"{{"$id":"{index}","text":"{}","inner":[{inner}]}}"#,
            "x".repeat(100)
        )
    };
    let document = format!("[{}]", (0..10).map(level).collect::<Vec<_>>().join(","));
    let text = written(&document);
    assert!(text.len() < 2 * MAX_EXPANSION_BYTES, "{}", text.len());
    parse(&text).unwrap();

    let chain = |index: usize| format!(r#"{{"$id":"{index}","next":{{"$ref":"{}"}}}}"#, index + 1);
    let document = format!("[{}]", (0..20).map(chain).collect::<Vec<_>>().join(","));
    let text = written(&document);
    let deepest = text.split(',').map(|part| part.matches("next").count()).max();
    assert_eq!(deepest, Some(MAX_REFERENCE_DEPTH));
}
