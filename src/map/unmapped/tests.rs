//! What is kept of a record beside its fields.

use super::{MAX_TEXT_BYTES, MAX_TOTAL_BYTES};
use crate::map::testing::{compiled, file, rendered, with_record};

/// The leftovers of `body` under `rest`, with `header` before the fields.
fn leftovers(header: &str, fields: &str, body: &str) -> String {
    let map = format!("unmapped: {{ keep_under: rest{header} }}\nfields:\n{fields}");
    let rendered = rendered(&map, body);
    let start = rendered.find("\"rest\":").map(|start| start + 7);
    start.map_or(String::new(), |start| {
        rendered[start..rendered.len() - 1].to_owned()
    })
}

#[test]
fn what_is_not_taken_is_kept() {
    let body = r#"{"a":"x","b":{"c":1,"d":"2024-13-01T00:00:00Z"},"n":null,"e":"","l":[1,null,2],"o":{}}"#;
    let cases = [
        (
            "  x: .a\n",
            r#"{"b":{"c":1,"d":"2024-13-01T00:00:00Z"},"l":[1,2]}"#,
        ),
        (
            "  x: .A\n  y: .b.c\n",
            r#"{"b":{"d":"2024-13-01T00:00:00Z"},"l":[1,2]}"#,
        ),
        ("  x: .b\n  y: '.l[]'\n", r#"{"a":"x"}"#),
        // A conversion that fails leaves the source where it was.
        (
            "  x: .b.d | rfc3339\n  y: .b.c | int\n  z: .a\n",
            r#"{"b":{"d":"2024-13-01T00:00:00Z"},"l":[1,2]}"#,
        ),
        // What is chosen, looked at, reduced or conditional is not taken.
        (
            "  x: .l[0]\n  y: .a | truncate(1)\n  z: .b\n",
            r#"{"a":"x","l":[1,2]}"#,
        ),
        (
            "  x: { when: { .a: x }, use: .a }\n  y: .b\n  z: .l\n",
            r#"{"a":"x"}"#,
        ),
        ("  x: { first_of: [.a, .l] }\n  y: .b\n", r#"{"l":[1,2]}"#),
        ("  x: { list: [.a, .l] }\n  y: .b\n", ""),
    ];
    for (fields, expected) in cases {
        assert_eq!(leftovers("", fields, body), expected, "{fields}");
    }
}

/// Scenario: names that differ in case only. Guarantees: what no path leads to is kept, but for what is hidden.
#[test]
fn of_names_that_differ_in_case_one_is_taken() {
    let body = r#"{"Name":"a","name":"b","o":{"Id":1,"id":2},"O":{"id":3}}"#;
    let kept = |header: &str, fields: &str| leftovers(header, fields, body);
    assert_eq!(
        kept("", "  x: .name\n  y: .O.Id\n"),
        r#"{"Name":"a","o":{"Id":1,"id":2}}"#
    );
    assert_eq!(
        kept("", "  x: .NAME\n  y: .o\n  z: .O\n"),
        r#"{"Name":"a","O":{"id":3}}"#
    );
    assert_eq!(kept(", except: [.NAME, .o.ID]", "  x: literal\n"), "");
    assert_eq!(kept("", "  x: .name | mask(0)\n  y: .o\n"), r#"{"O":{"id":3}}"#);
}

#[test]
fn let_values_take_what_their_fields_take() {
    let map = "unmapped: { keep_under: rest }\nlet:\n  p: .properties\nfields:\n  x: $p.a\n";
    assert_eq!(
        rendered(map, r#"{"properties":{"a":1,"b":2}}"#),
        r#"{"x":1,"rest":{"properties":{"b":2}}}"#
    );
}

#[test]
fn exceptions_and_secrets_are_never_kept() {
    let body = r#"{"a":{"b":1,"c":2},"properties":{"PartnersData":{"partnerName":"p","Secret":"s"}}}"#;
    assert_eq!(
        leftovers(", except: [.A.b]", "  x: y\n", body),
        r#"{"a":{"c":2},"properties":{"PartnersData":{"partnerName":"p"}}}"#
    );
}

/// Scenario: entities refer to each other, in a circle too. Guarantees: references become what they mean, once, and no
/// marker is left.
#[test]
fn references_are_replaced() {
    let body = r#"{"Entities":[{"$id":"1","Host":{"$ref":"2"},"Type":"a"},{"$id":"2","Name":"h","Of":{"$ref":"1"}},{"$ref":"9"}]}"#;
    assert_eq!(
        leftovers("", "  x: y\n", body),
        r#"{"Entities":[{"Host":{"Name":"h"},"Type":"a"},{"Name":"h","Of":{"Type":"a"}}]}"#
    );
}

#[test]
fn fields_of_the_same_name_stay_apart() {
    let map = "unmapped: { keep_under: rest }\nfields:\n  rest.a: 1\n";
    assert_eq!(rendered(map, r#"{"a":2,"a":3}"#), r#"{"rest":{"a":1,"a_":3}}"#);
}

#[test]
fn deep_leftovers_become_text() {
    let body = format!("{{\"a\":{}1{}}}", "[".repeat(20), "]".repeat(20));
    let kept = leftovers("", "  x: y\n", &body);
    assert_eq!(
        kept,
        format!(
            "{{\"a\":{}\"{}1{}\"{}}}",
            "[".repeat(14),
            "[".repeat(6),
            "]".repeat(6),
            "]".repeat(14)
        )
    );
}

/// Scenario: a text and a list beyond what is kept. Guarantees: the cut is visible in the output and counted.
#[test]
fn cuts_are_visible_and_counted() {
    let text = "ä".repeat(MAX_TEXT_BYTES);
    let list = vec!["\"0123456789\""; MAX_TOTAL_BYTES / 10].join(",");
    let body = format!("{{\"text\":\"{text}\",\"list\":[{list}],\"last\":1}}");
    let (plan, _) = compiled(file("unmapped: { keep_under: rest }\nfields:\n  x: y\n"));
    let plan = plan.expect("it is valid");
    let (output, cut) = with_record(&body, |context| {
        let mut output = Vec::new();
        let cut = plan.render(context, &mut output).expect("it fits");
        (String::from_utf8(output).expect("the output is text"), cut)
    });
    assert_eq!(cut, 2);
    assert!(output.contains(&format!("ä [cut: {} bytes in all]\"", text.len())));
    assert!(
        output.ends_with(r#","last":1,"_omitted":["list"]}}"#),
        "{}",
        &output[output.len() - 80..]
    );
    assert!(output.len() < 2 * MAX_TEXT_BYTES);
}

#[test]
fn dropping_keeps_nothing() {
    assert_eq!(
        rendered("unmapped: drop\nfields:\n  x: .a\n", r#"{"a":1,"b":2}"#),
        r#"{"x":1}"#
    );
}

/// Scenario: names that come again, in a small and in a large object. Guarantees: the last one counts, once.
#[test]
fn repeated_names_are_written_once() {
    assert_eq!(
        leftovers("", "  x: y\n", r#"{"a":{"b":1,"c":2,"b":3}}"#),
        r#"{"a":{"c":2,"b":3}}"#
    );
    let many: Vec<_> = (0..100_000)
        .map(|index| format!("\"k{}\":{index}", index % 50_000))
        .collect();
    let kept = leftovers(
        "",
        "  x: y\n",
        &format!("{{\"a\":{{{}}}}}", many[..100].join(",")),
    );
    assert_eq!(kept.matches(':').count(), 101);
    let kept = leftovers("", "  x: y\n", &format!("{{{}}}", many.join(",")));
    assert!(kept.starts_with("{\"k0\":50000,"), "{}", &kept[..40]);
}

/// Scenario: a value that a field hides. Guarantees: it does not stay readable among the leftovers.
#[test]
fn what_is_hidden_is_no_leftover() {
    let map =
        "unmapped: { keep_under: rest }\nfields:\n  a: .User | mask(1)\n  b: .Mail | lower | sha256(8)\n";
    let rendered = rendered(map, r#"{"User":"annabel","Mail":"ann@contoso.com"}"#);
    assert_eq!(rendered, r#"{"a":"a***","b":"6e44bb84"}"#);
}
