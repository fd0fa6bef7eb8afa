//! What OCSF maps get for free, and what is wrong with them.

use crate::map::testing::{compiled, file, problems, rendered};

const MAP: &str = "\
schema: ocsf-1.8.0/compliance_finding
tables:
  result: { Passed: 1, Failed: 3, Skipped: 99 }
fields:
  activity_id: 2
  time: 0
  severity_id: { lookup: result, key: .state }
  metadata.version: \"1.8.0\"
  metadata.product.name: x
  finding_info.uid: .id
  compliance.status: .state
  compliance.status_id: { lookup: result, key: .state, otherwise: 0 }
  resources:
    list:
      - object: { uid: .id, role_id: 3 }
      - when: { .other: { exists: true } }
        use: { object: { name: .other, role_id: .role, role: .text } }
";

/// Scenario: numbers that are fixed, looked up, copied, and free text for "other".
/// Guarantees: uids and names are those of the schema; free text stands only where the number means "other".
#[test]
fn names_and_uids_are_generated() {
    let head = r#"{"class_uid":2003,"class_name":"Compliance Finding","category_uid":2,"category_name":"Findings","activity_id":2,"activity_name":"Update","type_uid":200302,"type_name":"Compliance Finding: Update","time":0,"#;
    let tail = r#""metadata":{"version":"1.8.0","product":{"name":"x"}},"finding_info":{"uid":"i"},"#;
    assert_eq!(
        rendered(
            MAP,
            r#"{"id":"i","state":"Passed","other":"o","role":99,"text":"mine"}"#
        ),
        format!(
            r#"{head}"severity_id":1,"severity":"Informational",{tail}"compliance":{{"status_id":1,"status":"Pass"}},"resources":[{{"uid":"i","role_id":3,"role":"Affected"}},{{"name":"o","role_id":99,"role":"mine"}}]}}"#
        )
    );
    assert_eq!(
        rendered(MAP, r#"{"id":"i","state":"Skipped","other":"o","role":99}"#),
        format!(
            r#"{head}"severity_id":99,"severity":"Other",{tail}"compliance":{{"status_id":99,"status":"Skipped"}},"resources":[{{"uid":"i","role_id":3,"role":"Affected"}},{{"name":"o","role_id":99,"role":"Other"}}]}}"#
        )
    );
}

/// Scenario: one mistake of every kind. Guarantees: place, reason and next step are named.
#[test]
fn problems_name_nested_fields() {
    let cases = [
        (
            "unknown member of an object",
            "      - object: { uid: .id, role_id: 3, nmae: .x }",
        ),
        (
            "caption for a number",
            "      - object: { uid: .id, role_id: Affected }",
        ),
        (
            "number out of the enumeration",
            "      - object: { uid: .id, role_id: 77 }",
        ),
        ("object without what it needs", "      - object: { role_id: 3 }"),
        (
            "object for a text",
            "      - object: { uid: { object: { a: .b } } }",
        ),
        (
            "name that can never be free text",
            "      - object: { uid: .id, role_id: 3, role: mine }",
        ),
    ];
    let start = MAP.find("      - object").expect("it is there");
    let rendered: Vec<_> = cases
        .iter()
        .map(|(name, line)| format!("# {name}\n{}", problems(&format!("{}{line}\n", &MAP[..start]))))
        .collect();
    let others = [
        ("hand-written uid", format!("{MAP}  class_uid: 2003\n")),
        (
            "member of a list's elements",
            format!("{MAP}  evidences.name: x\n"),
        ),
        (
            "required members",
            "schema: ocsf-1.8.0/vulnerability_finding\nfields:\n  metadata.profiles: [cloud]\n".to_owned(),
        ),
        ("copied object", format!("{MAP}  cloud: .cloud\n")),
    ];
    let others = others
        .iter()
        .map(|(name, text)| format!("# {name}\n{}", problems(text)));
    let all: Vec<_> = rendered.into_iter().chain(others).collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// Scenario: headers, keys and labels of text formats, each with a mistake. Guarantees: place, reason, next step.
#[test]
fn problems_of_text_formats() {
    let header = "header: { device_vendor: M, device_product: D, device_version: \"1\", event_class_id: .a, name: .b, severity: 5 }\n";
    let cases = [
        (
            "missing parts",
            "output: cef\nheader: { device_vendor: M, nam: x }\nextension:\n  msg: .a\n".to_owned(),
        ),
        ("fields", "output: cef\nfields:\n  msg: .a\n".to_owned()),
        (
            "other schema",
            "output: leef\nschema: cef-27\nheader: {}\nattributes:\n  a: .b\n".to_owned(),
        ),
        (
            "unknown key",
            format!("output: cef\n{header}extension:\n  mgs: .a\n"),
        ),
        (
            "plain value",
            format!("output: cef\n{header}extension:\n  cs1: .a\n"),
        ),
        (
            "label where there is none",
            format!("output: cef\n{header}extension:\n  msg: {{ label: x, value: .a }}\n"),
        ),
        (
            "label alone",
            format!("output: cef\n{header}extension:\n  cs1Label: x\n"),
        ),
        (
            "value alone",
            format!("output: cef\n{header}extension:\n  cs1: {{ value: .a }}\n"),
        ),
        ("list", format!("output: cef\n{header}extension:\n  src: .a[]\n")),
        (
            "own keys",
            format!("output: cef\nown_keys: [msg, a b, x, x]\n{header}extension:\n  x: .a\n"),
        ),
        (
            "twice",
            format!("output: cef\nown_keys: [x]\n{header}extension:\n  x: .a\n  y: .a\n"),
        ),
        (
            "literals",
            format!("output: cef\n{header}extension:\n  src: \"::1\"\n  spt: 1.5\n  rt: now\n"),
        ),
        (
            "severity",
            format!(
                "output: cef\n{}extension:\n  msg: .a\n",
                header.replace("severity: 5", "severity: 11")
            ),
        ),
    ];
    let rendered: Vec<_> = cases
        .iter()
        .map(|(name, text)| {
            let (plan, diagnostics) = compiled(file(text));
            assert!(plan.is_none(), "{name} is an error");
            format!("# {name}\n{}", diagnostics.render(false))
        })
        .collect();
    insta::assert_snapshot!(rendered.join("\n"));
}
