//! How the problems of a map read.

use crate::map::testing::{compiled, file, problems};

/// Scenario: a map with a mistake in every part. Guarantees: all of them are reported at once.
#[test]
fn reports_every_problem_of_a_file() {
    let text = "\
schema: ecs-9.4.0
extra: 1
let:
  a: $b
  b: .B | lowr
tables:
  t: { x: 1, X: 2 }
fields:
  event.severty: .S
  event.kind: alrt
  event.category: configuration
  event.severity: { lookup: tt, key: .S }
required: [event.id]
";
    let (plan, diagnostics) = compiled(file(text));
    assert!(plan.is_none());
    let codes: Vec<_> = diagnostics.0.iter().map(|diagnostic| diagnostic.code).collect();
    insta::assert_snapshot!(codes.join("\n"));
}

/// Scenario: one mistake per file, every check once. Guarantees: the place, the reason and the next step are named.
#[test]
fn every_problem_is_rendered_with_its_place() {
    let cases = [
        ("unknown key", "feilds:\n  a: .b\n"),
        (
            "unknown target",
            "schema: ecs-9.4.0\nfields:\n  event.severty: .Severity\n",
        ),
        (
            "unknown target without a near one",
            "schema: ecs-9.4.0\nfields:\n  business.unit: .x\n",
        ),
        ("enumeration", "schema: ecs-9.4.0\nfields:\n  event.kind: alrt\n"),
        (
            "enumeration in a case",
            "schema: ecs-9.4.0\nfields:\n  event.outcome:\n    cases:\n      - when: { .a: 1 }\n        use: succes\n",
        ),
        (
            "enumeration in a table",
            "schema: ecs-9.4.0\ntables:\n  t: { Healthy: sucess }\nfields:\n  event.outcome: { lookup: t, key: .a }\n",
        ),
        (
            "scalar for a list",
            "schema: ecs-9.4.0\nfields:\n  event.category: configuration\n",
        ),
        (
            "list for a scalar",
            "schema: ecs-9.4.0\nfields:\n  event.kind: [alert]\n",
        ),
        (
            "path with many values for a scalar",
            "schema: ecs-9.4.0\nfields:\n  host.name: .Entities[Type=host].HostName\n",
        ),
        (
            "number for text",
            "schema: ecs-9.4.0\nfields:\n  ecs.version: 9.4\n",
        ),
        (
            "text for a number",
            "schema: ecs-9.4.0\nfields:\n  event.severity: high\n",
        ),
        (
            "types that do not fit",
            "schema: ecs-9.4.0\nfields:\n  event.category: [malware]\n  event.type: [deletion]\n",
        ),
        (
            "leftovers outside the schema",
            "schema: ecs-9.4.0\nunmapped: { keep_under: rest }\nfields:\n  message: .a\n",
        ),
        ("unknown function", "fields:\n  a: .b | lowr\n"),
        ("arity", "fields:\n  a: .b | split\n"),
        ("argument", "fields:\n  a: .b | arm(subscripton)\n"),
        ("unknown variable", "let:\n  host: .h\nfields:\n  a: $hots.Name\n"),
        ("unknown member of $record", "fields:\n  a: $record.severty\n"),
        (
            "use before definition",
            "let:\n  a: $b\n  b: .x\nfields:\n  c: $a\n",
        ),
        (
            "variable outside its each",
            "fields:\n  a: { each: .x, as: e, make: $e }\n  b: $e\n",
        ),
        (
            "unknown table",
            "tables:\n  severity: { a: 1 }\nfields:\n  a: { lookup: severty, key: .b }\n",
        ),
        (
            "unused table",
            "tables:\n  severity: { a: 1 }\nfields:\n  a: .b\n",
        ),
        (
            "same key twice",
            "tables:\n  t: { Off: 1, off: 2 }\nfields:\n  a: { lookup: t, key: .b }\n",
        ),
        ("path syntax", "fields:\n  a: .b[Type\n"),
        ("value and parent", "fields:\n  a: .x\n  a.b: .y\n"),
        ("parent and value", "fields:\n  a.b: .x\n  a: .y\n"),
        ("raw over a field", "raw: { to: a }\nfields:\n  a: .x\n"),
        ("unknown operator", "fields:\n  a: { firstof: [.b] }\n"),
        ("missing companion", "fields:\n  a: { each: .x, as: e }\n"),
        ("path in a literal list", "fields:\n  a: [.b, c]\n"),
        ("no value", "fields:\n  a:\n"),
        (
            "case without use",
            "fields:\n  a:\n    cases:\n      - when: { .a: 1 }\n",
        ),
        (
            "condition that is no path",
            "when: { severity: High }\nfields:\n  a: .b\n",
        ),
        (
            "unknown condition operator",
            "when: { .a: { start_with: x } }\nfields:\n  a: .b\n",
        ),
        ("pattern", "when: { .a: { matches: \"(\" } }\nfields:\n  a: .b\n"),
        (
            "kind that does not exist",
            "when: { $record.kind: alrt }\nfields:\n  a: .b\n",
        ),
        (
            "required and never written",
            "required: [event.id]\nfields:\n  event.ip: .b\n",
        ),
        (
            "required lookup",
            "required: a\ntables:\n  t: { x: 1 }\nfields:\n  a: { lookup: t, key: .b }\n",
        ),
        (
            "except with a list",
            "unmapped: { keep_under: rest, except: [\".a[0]\"] }\nfields:\n  a: .b\n",
        ),
        ("template", "fields:\n  a: { text: \"{.b\" }\n"),
    ];
    let rendered: Vec<_> = cases
        .iter()
        .map(|(name, text)| {
            let problems = problems(text);
            assert!(!problems.is_empty(), "{name} is a problem");
            format!("# {name}\n{problems}")
        })
        .collect();
    insta::assert_snapshot!(rendered.join("\n"));
}

#[test]
fn headers_are_checked() {
    let cases = [
        "name: own/map\nrevision: 1\nrecord: alert\nfields: { a: .b }\n",
        "format: 2\nname: own/map\nrevision: 1\nrecord: alert\nfields: { a: .b }\n",
        "format: 1\nname: own\nrevision: 1\nrecord: alrt\nfields: { a: .b }\n",
        "format: 1\nname: native/alert\nrecord: alert\nschema: ecs-9\noutput: xml\n",
    ];
    let rendered: Vec<_> = cases
        .iter()
        .map(|text| {
            let source = crate::config::diagnostic::SourceFile {
                name: "own.yaml".into(),
                text: (*text).into(),
            };
            let (plan, diagnostics) = compiled(source);
            assert!(plan.is_none());
            diagnostics.render(false)
        })
        .collect();
    insta::assert_snapshot!(rendered.join("\n"));
}
