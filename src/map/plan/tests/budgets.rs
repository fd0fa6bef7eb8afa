//! Records and maps that multiply: an error that says which limit was passed, soon and without much memory.

use std::time::{Duration, Instant};

use crate::map::testing::{rendered, value};

const VALUES: &str = "the map makes more than 500000 values of the record";
const TEXT: &str = "the map makes more than 16777216 bytes of text of the record";

/// A record with lists `a` and `b` of so many numbers.
fn lists(elements: usize) -> String {
    let list = (0..elements)
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(",");
    format!("{{\"a\":[{list}],\"b\":[{list}]}}")
}

/// Generous: what is guarded against takes minutes and gigabytes.
fn check_soon(map: &str, body: &str, expected: &str) {
    let started = Instant::now();
    assert_eq!(rendered(map, body), expected, "{map}");
    assert!(started.elapsed() < Duration::from_secs(60), "{map}");
}

/// Scenario: lists at the limit of one `each` and beyond, made by `each`, `list`, a path. Guarantees: only an `each` is
/// limited by itself; lists that only pass values on are limited by what they hold in all.
#[test]
fn one_list() {
    let each = "fields:\n  x: { each: .a, as: e, make: $e }\n";
    assert!(rendered(each, &lists(10_000)).ends_with(",9999]}"));
    assert_eq!(
        rendered(each, &lists(10_001)),
        "a list has more than 10000 elements"
    );
    for value in [".a[]", "list: [.a, .b]", ".a[] | unique", ".a"] {
        let map = format!("fields:\n  x:\n    {value}\n");
        assert!(rendered(&map, &lists(10_001)).ends_with(",10000]}"), "{value}");
    }
    assert_eq!(value(".a[] | count", &lists(10_001)), "10001");
}

/// Scenario: two nested `each` over long lists: a hundred million objects. Guarantees: the budget ends it.
#[test]
fn nested_lists() {
    let inner = "{ each: .b, as: f, make: { object: { e: $e, f: $f } } }";
    let map = format!("fields:\n  x:\n    each: .a\n    as: e\n    make: {inner}\n");
    check_soon(&map, &lists(10_000), VALUES);
    let listed = format!("fields:\n  x:\n    each: .a\n    as: e\n    make: {{ list: [{inner}] }}\n");
    check_soon(&listed, &lists(10_000), VALUES);
    let paths = "fields:\n  x: { each: .a, as: e, make: { object: { e: $e, all: \".b[]\" } } }\n";
    check_soon(paths, &lists(10_000), VALUES);
    let lets = "let: { all: { each: .b, as: f, make: $f } }\nfields:\n  x: { each: .a, as: e, make: { object: { e: $e, all: $all } } }\n";
    check_soon(lets, &lists(10_000), VALUES);
}

/// Scenario: a long text many times over. Guarantees: made text is counted as it is made, passed-on text as it is written.
#[test]
fn much_text() {
    let list = (0..5000)
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let body = format!("{{\"a\":[{list}],\"t\":\"{}\"}}", "xY".repeat(100_000));
    let each = |make: &str| format!("fields:\n  x: {{ each: .a, as: e, make: {make} }}\n");
    check_soon(&each("{ text: \"{$e}{.t}\" }"), &body, TEXT);
    check_soon(&each("{ object: { e: $e, t: .t | lower } }"), &body, TEXT);
    // The objects are compared with each other, and that counts too.
    check_soon(&each("{ object: { e: $e, t: .t } }"), &body, TEXT);
    check_soon(
        "fields:\n  x: .a[] | json | first\n  y: .t\n",
        &body.replace("xY", "x"),
        &{ format!("{{\"x\":\"0\",\"y\":\"{}\"}}", "x".repeat(100_000)) },
    );
    check_soon(
        "fields:\n  x: { list: [.t, .a] }\n  y: { list: [.t, .t] }\n",
        &body,
        &{ format!("{{\"x\":[\"{0}\",{list}],\"y\":[\"{0}\"]}}", "xY".repeat(100_000)) },
    );
    check_soon(
        "let: { all: { list: [.t, .a] } }\nfields:\n  x: $all | replace(\"x\", \"0123456789012345678901234567890123456789012345\") | count\n",
        &body,
        r#"{"x":5000}"#,
    );
}

/// Scenario: a record of 200 KB whose references multiply a list. Guarantees: the walk ends.
#[test]
fn references_that_multiply() {
    let numbers = vec!["7"; 20_000].join(",");
    let references = vec![r#"{"$ref":"1"}"#; 10_000].join(",");
    let body = format!("{{\"Entities\":[{{\"$id\":\"1\",\"n\":[{numbers}]}},{references}]}}");
    check_soon("fields:\n  x: .Entities[].n[]\n", &body, VALUES);
    check_soon("fields:\n  x: .Entities[].n[a=b]\n", &body, VALUES);
    check_soon(
        "when: { \".Entities[].n[]\": 8 }\nfields:\n  x: 1\n",
        &body,
        VALUES,
    );
}
