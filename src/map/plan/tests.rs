//! What values give, through a whole map.

mod budgets;
mod keep_if;

use crate::map::testing::{compiled, file, rendered, value, with_record};

const BODY: &str = r#"{
    "Name": "VM-1", "Count": 3, "Ratio": 0.5, "Flag": true, "Nothing": null, "Empty": "",
    "Big": 123456789012345678901234567890,
    "Tags": ["a", "b", "a"],
    "Entities": [
        {"$id": "1", "Type": "host", "HostName": "h1", "Asset": true},
        {"$id": "2", "Type": "ip", "Address": "192.0.2.1", "Host": {"$ref": "1"}},
        {"$id": "3", "Type": "IP", "Address": "192.0.2.2", "Location": {"City": "Oslo"}},
        {"$ref": "1"}
    ],
    "Properties": {"a key": "x", "Inner": {"List": [{"v": 1}, {"v": 2}]}}
}"#;

#[test]
fn paths_find_what_they_say() {
    let cases = [
        (".Name", r#""VM-1""#),
        (".name", r#""VM-1""#),
        (".Count", "3"),
        (".Big", "123456789012345678901234567890"),
        (".Nothing", ""),
        (".Empty", ""),
        (".Missing.Further", ""),
        (".Name.Further", ""),
        (".Tags", r#"["a","b","a"]"#),
        (".Tags[1]", r#""b""#),
        (".Tags[7]", ""),
        (".Tags[] | unique", r#"["a","b"]"#),
        (".Properties.\"A KEY\"", r#""x""#),
        (".Properties.Inner.List[].v", "[1,2]"),
        (".Properties.Inner.List.v", ""),
        (".Entities[Type=ip].Address", r#"["192.0.2.1","192.0.2.2"]"#),
        (".Entities[Type=ip].Address | last", r#""192.0.2.2""#),
        (".Entities[Type!=ip].HostName", r#"["h1","h1"]"#),
        (
            ".Entities[Type=ip][Address=192.0.2.2].Location.City",
            r#"["Oslo"]"#,
        ),
        (".Entities[Asset!=true].Address", r#"["192.0.2.1","192.0.2.2"]"#),
        (".Entities[1].Host.HostName", r#""h1""#),
        (".Entities[Type=host].HostName | unique", r#"["h1"]"#),
        ("$record.kind", r#""unknown""#),
        ("$record.index", "0"),
        ("$record.time", r#""2024-11-08T07:01:02.123Z""#),
        ("$record.is_snapshot", "false"),
        ("$record.action", ""),
        ("$hub.sequence_number", "4711"),
        ("$hub.partition", r#""3""#),
        ("$hub.offset", r#""8812""#),
        ("$hub.enqueued_time | epoch_ms", "1731049262123"),
        ("$hub.namespace", r#""contoso.servicebus.windows.net""#),
    ];
    for (path, expected) in cases {
        assert_eq!(value(&format!("'{path}'"), BODY), expected, "{path}");
    }
}

#[test]
fn a_lone_dot_is_the_whole_record() {
    assert_eq!(value(".", r#"{"a":1}"#), r#"{"a":1}"#);
}

#[test]
fn operators_give_what_they_say() {
    let cases = [
        ("text", r#""text""#),
        ("7", "7"),
        ("1.10", "1.10"),
        ("true", "true"),
        ("off", r#""off""#),
        ("\"7\"", r#""7""#),
        ("[a, 1, true]", r#"["a",1,true]"#),
        ("literal: .Name", r#"".Name""#),
        ("literal: { a: [1] }", r#"{"a":[1]}"#),
        ("first_of: [.Nothing, .Empty, .Name, .Count]", r#""VM-1""#),
        ("first_of: [.Nothing]", ""),
        ("list: [.Name, .Nothing, .Tags, b]", r#"["VM-1","a","b"]"#),
        ("list: [.Nothing]", ""),
        (
            "object: { a.b: .Name, a.c: .Nothing, d: .Count }",
            r#"{"a":{"b":"VM-1"},"d":3}"#,
        ),
        ("object: { a: .Nothing }", ""),
        ("text: \"{.Name | lower}/{.Count}{{}}\"", r#""vm-1/3{}""#),
        ("text: \"{.Name}{.Nothing}\"", ""),
        ("{ when: { .Flag: true }, use: yes_it_is }", r#""yes_it_is""#),
        ("{ when: { .Flag: false }, use: no }", ""),
        (
            "cases: [{ when: { .Count: 1 }, use: a }, { when: { .Count: 3 }, use: b }, { otherwise: c }]",
            r#""b""#,
        ),
        (
            "cases: [{ when: { .Count: 1 }, use: a }, { otherwise: c }]",
            r#""c""#,
        ),
        (
            "{ each: '.Entities[Type=ip]', as: e, make: { object: { ip: $e.Address, city: $e.Location.City } } }",
            r#"[{"ip":"192.0.2.1"},{"ip":"192.0.2.2","city":"Oslo"}]"#,
        ),
        (
            "{ each: .Tags, as: t, make: { text: \"<{$t}>\" } }",
            r#"["<a>","<b>"]"#,
        ),
        ("{ each: .Name, as: t, make: $t }", r#"["VM-1"]"#),
        ("{ each: .Nothing, as: t, make: $t }", ""),
        (
            "{ each: '.Properties.Inner.List[]', as: a, make: { each: .Tags, as: b, make: { text: '{$a.v}{$b}' } } }",
            r#"[["1a","1b"],["2a","2b"]]"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text, BODY), expected, "{text}");
    }
}

#[test]
fn tables_and_let_values() {
    let map = "\
let:
  tags: .Tags
  first: $tags[0]
tables:
  t: { A: one, b: two, 3: three }
fields:
  many: { lookup: t, key: $tags }
  one: { lookup: t, key: $first }
  number: { lookup: t, key: .Count }
  none: { lookup: t, key: .Name }
  other: { lookup: t, key: .Name, otherwise: .Name }
  absent: { lookup: t, key: .Nothing, otherwise: 0 }
";
    assert_eq!(
        rendered(map, BODY),
        r#"{"many":["one","two"],"one":"one","number":"three","other":"VM-1","absent":0}"#
    );
}

#[test]
fn fields_nest_in_the_order_first_named() {
    let map = "fields:\n  b.x: .Name\n  a: .Count\n  b.y.z: .Flag\n  c.d: .Nothing\n  b.w: 1\n";
    assert_eq!(
        rendered(map, BODY),
        r#"{"b":{"x":"VM-1","y":{"z":true},"w":1},"a":3}"#
    );
    assert_eq!(rendered("fields:\n  a.b: .Nothing\n", BODY), "{}");
}

#[test]
fn lists_are_made_where_the_schema_wants_them() {
    let map = "schema: ecs-9.4.0\nfields:\n  related.hosts: .Name\n  tags: .Tags\n  host.name: .Name\n";
    assert_eq!(
        rendered(map, BODY),
        r#"{"related":{"hosts":["VM-1"]},"tags":["a","b","a"],"host":{"name":"VM-1"}}"#
    );
}

#[test]
fn a_missing_required_field_is_an_error() {
    let map = "required: [a.b, c]\nfields:\n  c: .Name\n  a.b: .Nothing\n";
    assert_eq!(rendered(map, BODY), "required field `a.b` is absent");
    assert_eq!(
        rendered(map, r#"{"Name":1,"Nothing":2}"#),
        r#"{"c":1,"a":{"b":2}}"#
    );
}

/// Scenario: records beyond each budget. Guarantees: an error that says which, and no output.
#[test]
fn budgets_are_errors() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(30), "]".repeat(30));
    assert_eq!(
        rendered("fields:\n  x: .a\n", &deep),
        "`x` is nested deeper than 16 levels"
    );
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(10_000));
    let each = "fields:\n  x: { each: .a, as: e, make: { text: 'x' } }\n";
    assert_eq!(rendered(each, &many), "a list has more than 10000 elements");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20));
    let twice = "fields:\n  x: .a\n  y: .a\n";
    assert_eq!(rendered(twice, &large), "the output is larger than 4194304 bytes");
}

#[test]
fn raw_is_the_record_as_received() {
    let map = "raw: { to: event.original }\nfields:\n  event.a: .a\n";
    assert_eq!(
        rendered(map, "{\"a\": 1.0,\n \"a\": 2}"),
        r#"{"event":{"a":2,"original":"{\"a\": 1.0,  \"a\": 2}"}}"#
    );
}

#[test]
fn a_guard_decides() {
    let (plan, _) = compiled(file("when: { .a: { exists: true } }\nfields:\n  x: .a\n"));
    let plan = plan.expect("it is valid");
    assert!(with_record(r#"{"a":1}"#, |context| plan.accepts(context)));
    assert!(!with_record(r#"{"b":1}"#, |context| plan.accepts(context)));
}
