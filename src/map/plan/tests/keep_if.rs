//! Objects that are left out unless one of their keys is present.

use crate::map::testing::{problems, rendered};

fn check(map: &str, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(rendered(map, body), *expected, "{map}{body}");
    }
}

/// Scenario: an object of dotted fields, and the same as `object:`. Guarantees: both are left out without their key, and
/// so is what is then empty.
#[test]
fn an_object_needs_one_of_its_keys() {
    let cases = [
        (
            r#"{"uid":"u"}"#,
            r#"{"a":1,"cloud":{"account":{"uid":"u","type_id":13}},"z":2}"#,
        ),
        (
            r#"{"alias":"x"}"#,
            r#"{"a":1,"cloud":{"account":{"name":"x","type_id":13}},"z":2}"#,
        ),
        (r#"{"uid":null}"#, r#"{"a":1,"z":2}"#),
    ];
    let head = "keep_if: { cloud.account: [uid, name] }\nfields:\n  a: 1\n";
    check(
        &format!(
            "{head}  cloud.account.uid: .uid\n  cloud.account.name: .alias\n  cloud.account.type_id: 13\n  z: 2\n"
        ),
        &cases,
    );
    check(
        &format!("{head}  cloud.account:\n    object: {{ uid: .uid, name: .alias, type_id: 13 }}\n  z: 2\n"),
        &cases,
    );
    check(
        &format!(
            "{head}  cloud:\n    object: {{ account.uid: .uid, account.name: .alias, account.type_id: 13 }}\n  z: 2\n"
        ),
        &cases,
    );
}

/// Scenario: objects inside lists, cases and nested objects. Guarantees: lists on the way do not count; an element that is
/// left out is not in the list, and a list without elements is absent.
#[test]
fn lists_on_the_way_do_not_count() {
    let map = "\
keep_if:
  resources: [uid]
  resources.group: [name]
fields:
  resources:
    each: .r[]
    as: r
    make:
      cases:
        - when: { $r.skip: true }
          use: { object: { role: skipped } }
        - otherwise: { object: { uid: $r.id, role: 3, group.name: $r.g, group.kind: 1 } }
";
    check(
        map,
        &[
            (
                r#"{"r":[{"id":1,"g":"x"},{"id":2},{"g":"y"},{"id":3,"skip":true}]}"#,
                r#"{"resources":[{"uid":1,"role":3,"group":{"name":"x","kind":1}},{"uid":2,"role":3}]}"#,
            ),
            (r#"{"r":[{"g":"y"}]}"#, "{}"),
        ],
    );
    let map = "keep_if: { v.remediation: [desc] }\nfields:\n  v:\n    list:\n      - object: { id: .a, remediation.desc: .d, remediation.kind: 1 }\n";
    check(
        map,
        &[
            (
                r#"{"a":1,"d":"x"}"#,
                r#"{"v":[{"id":1,"remediation":{"desc":"x","kind":1}}]}"#,
            ),
            (r#"{"a":1}"#, r#"{"v":[{"id":1}]}"#),
        ],
    );
}

/// Scenario: an object that keeps its place only sometimes, and leftovers. Guarantees: what may be left out with it is
/// not taken from the leftovers.
#[test]
fn what_may_be_left_out_stays_among_the_leftovers() {
    let map =
        "keep_if: { o: [key] }\nunmapped: { keep_under: rest }\nfields:\n  o.key: .Key\n  o.more: .More\n";
    check(
        map,
        &[
            (r#"{"More":1}"#, r#"{"rest":{"More":1}}"#),
            (
                r#"{"Key":2,"More":1}"#,
                r#"{"o":{"key":2,"more":1},"rest":{"More":1}}"#,
            ),
        ],
    );
}

#[test]
fn problems_have_their_places() {
    let cases = [
        (
            "a path that nothing writes",
            "keep_if: { b: [c] }\nfields: { a: .x }\n",
        ),
        (
            "a value and no object",
            "keep_if: { a: [c] }\nfields: { a: .x }\n",
        ),
        (
            "a key that nothing writes",
            "keep_if: { a: [uid, nmae] }\nfields: { a.uid: .x, a.name: .y }\n",
        ),
        ("no key", "keep_if: { a: [] }\nfields: { a.uid: .x }\n"),
        ("no mapping", "keep_if: [a]\nfields: { a.uid: .x }\n"),
        (
            "leftovers",
            "keep_if: { a: [uid] }\nunmapped: { keep_under: a.rest }\nfields: { a.uid: .x }\n",
        ),
        (
            "a required field",
            "keep_if: { a: [uid] }\nrequired: [a.uid, a.b.c]\nfields: { a.uid: .x, a.b.c: .y }\n",
        ),
    ];
    let rendered: Vec<_> = cases
        .iter()
        .map(|(name, text)| format!("# {name}\n{}", problems(text)))
        .collect();
    insta::assert_snapshot!(rendered.join("\n"));
}
