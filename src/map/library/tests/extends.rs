//! Maps that build on others.

use super::{directory, map, render};
use crate::map::library::Mappings;

fn load(files: &[(&str, &str)]) -> Mappings {
    let files = directory(files);
    Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The rendered problems of a folder, without the path of the folder.
fn problems(files: &[(&str, &str)]) -> String {
    let folder = directory(files);
    let path = format!("{}/", folder.path().display());
    let problems = Mappings::load(Some(folder.path())).expect_err("there are problems");
    problems.render(false).replace(&path, "")
}

const BASE: &str = "\
let:
  name: .Name
  where: $name
tables:
  level: { Low: 1, High: 3 }
  rest: { a: b }
fields:
  first: $where
  second: { lookup: level, key: .Level }
  third: { lookup: rest, key: .Rest, otherwise: none }
  fourth: 4
required: [first]
own_prefixes: [x]
unmapped: { keep_under: left }
";

/// Scenario: a child that overrides and adds in every section. Guarantees: its entries win, at their old places; new ones
/// come behind; tables are merged by row, without regard to case.
#[test]
fn a_child_overrides_and_adds() {
    let child = "\
format: 1
name: own/b
revision: 2-site
extends: own/a
unmapped: drop
let:
  site: .Site
  name: { text: \"{$site}/{.Name}\" }
  more: $where | upper
tables:
  level: { high: 9, Critical: 10 }
fields:
  fifth: $more
  second: { lookup: level, key: .Level, otherwise: 0 }
";
    let mappings = load(&[
        (
            "a.yaml",
            &format!("{}when: {{ .only: base }}\n", map("own/a", BASE)),
        ),
        ("b.yaml", &format!("{child}when: ~\n")),
    ]);
    let body = r#"{"Name":"vm","Site":"s1","Level":"HIGH","Rest":"x"}"#;
    assert_eq!(
        render(&mappings, "own", body),
        (
            r#"{"first":"s1/vm","second":9,"third":"none","fourth":4,"fifth":"S1/VM"}"#.to_owned(),
            Some("own/b@2-site".to_owned())
        )
    );
    let body = body.replace("\"Name\"", "\"only\":\"base\",\"Name\"");
    let (base, revision) = render(&mappings, "own", &body);
    assert_eq!(revision.as_deref(), Some("own/a@2"));
    assert!(base.starts_with(r#"{"first":"vm","second":3,"#), "{base}");
}

/// Scenario: `remove` with a field, a `let` value with its user, a table. Guarantees: they are gone, also from `required`
/// and `keep_if`; a removed table can be written anew.
#[test]
fn names_are_removed() {
    let base = map("own/a", &format!("{BASE}keep_if: {{ o: [p, q] }}\n"))
        .replace("  fourth: 4", "  fourth: 4\n  o.p: .Name\n  o.q: .Q\n  o.r: 1");
    let child = "\
format: 1
name: own/b
revision: 1
extends: own/a
remove: [first, third, rest, level, o.p]
when: { .child: true }
unmapped: drop
tables: { level: { Low: low } }
";
    let mappings = load(&[("a.yaml", &base), ("b.yaml", child)]);
    let body = r#"{"child":true,"Level":"Low","Name":"vm"}"#;
    assert_eq!(render(&mappings, "own", body).0, r#"{"second":"low","fourth":4}"#);
    let body = r#"{"child":true,"Level":"High","Q":1}"#;
    assert_eq!(
        render(&mappings, "own", body).0,
        r#"{"fourth":4,"o":{"q":1,"r":1}}"#
    );
}

/// Scenario: a map of the name of an embedded one, and a second that builds on the first. Guarantees: its own name means
/// the embedded map, another name the one of the directory.
#[test]
fn the_own_name_means_the_embedded_map() {
    let head = "format: 1\nrevision: 9\n";
    let mappings = load(&[
        (
            "a.yaml",
            &format!(
                "{head}name: ecs/alert\nextends: ecs/alert\nown_prefixes: [labels]\nunmapped: drop\nfields: {{ labels.a: one, event.module: mdc }}\n"
            ),
        ),
        (
            "b.yaml",
            &format!("{head}name: site/alert\nextends: ecs/alert\nfields: {{ labels.b: two }}\n"),
        ),
    ]);
    let body = r#"{"SystemAlertId":"1","AlertType":"t","Severity":"High"}"#;
    let (own, revision) = render(&mappings, "ecs", body);
    assert_eq!(revision.as_deref(), Some("ecs/alert@9"));
    assert!(
        own.contains(r#""module":"mdc""#) && own.contains(r#""labels":{"a":"one"}"#),
        "{own}"
    );
    let (second, revision) = render(&mappings, "site", body);
    assert_eq!(revision.as_deref(), Some("site/alert@9"));
    assert!(second.contains(r#""labels":{"a":"one","b":"two"}"#), "{second}");
}

/// Scenario: a mistake in a base, and one of the child that inherits it. Guarantees: each is shown once, in its own file.
#[test]
fn every_problem_is_shown_in_its_own_file() {
    let base = map(
        "own/a",
        "when: { .a: 1 }\nlet: { n: .N }\ntables: { unused: { a: 1 } }\nfields:\n  x: $n | lowr\n",
    );
    let child = "format: 1\nname: own/b\nrevision: 1\nextends: own/a\nwhen: ~\nfields:\n  y: $m\n";
    insta::assert_snapshot!(problems(&[("a.yaml", &base), ("b.yaml", child)]));
}

/// Scenario: a child whose schema lacks what it inherits. Guarantees: one message names the fields and the line that
/// removes them.
#[test]
fn another_schema_lists_what_it_lacks() {
    let base = map(
        "own/a",
        "when: { .a: 1 }\nfields:\n  event.kind: alert\n  business.unit: .u\n  event.sevrity: 3\n",
    );
    let child = "format: 1\nname: own/b\nrevision: 1\nextends: own/a\nschema: ecs-9.4.0\nwhen: ~\n";
    let rendered = problems(&[("a.yaml", &base), ("b.yaml", child)]);
    insta::assert_snapshot!(rendered);
    let removed = child.replace("schema", "remove: [business.unit, event.sevrity]\nschema");
    load(&[("a.yaml", &base), ("b.yaml", &removed)]);
}

/// Scenario: bases that cannot be. Guarantees: each says why, at `extends`.
#[test]
fn bases_that_cannot_be() {
    let child = |name: &str, base: &str, rest: &str| {
        format!("format: 1\nname: own/{name}\nrevision: 1\nextends: {base}\nwhen: {{ .a: {name} }}\n{rest}")
    };
    insta::assert_snapshot!(problems(&[
        ("a.yaml", &child("a", "own/b", "")),
        ("b.yaml", &child("b", "own/a", "")),
        ("c.yaml", &child("c", "own/c", "")),
        ("d.yaml", &child("d", "ecs/alrt", "")),
        (
            "e.yaml",
            &child("e", "ecs/alert", "record: assessment\noutput: cef\n")
        ),
        (
            "f.yaml",
            &child("f", "ecs/alert", "remove: [event.sevrity, [x]]\n")
        ),
        ("g.yaml", &child("g", "[x]", "fields: { a: 1 }\n")),
    ]));
}
