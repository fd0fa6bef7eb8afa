//! Hostile and broken documents: a clear message, soon.

use std::time::{Duration, Instant};

use crate::config::diagnostic::SourceFile;
use crate::config::yaml::{Content, Node, parse};

fn read(text: &str) -> Result<Node, String> {
    let file = SourceFile {
        name: "hostile.yaml".into(),
        text: text.into(),
    };
    let started = Instant::now();
    let result = parse(&file).map_err(|problem| problem.render(false));
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{}",
        &text[..text.len().min(60)]
    );
    result
}

/// Lists of ten aliases each, nine levels: a thousand million elements.
fn laughs() -> String {
    let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for pair in ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"] {
        let (base, name) = pair.split_at(1);
        let aliases = vec![format!("*{base}"); 10].join(",");
        text.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    text
}

fn deep_mappings() -> String {
    (0..1000)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect()
}

/// Scenario: documents made to hang, to overflow the stack or to fill memory, and honest mistakes. Guarantees: a message
/// that says what is wrong and where, in words that need no knowledge of the parser.
#[test]
fn every_problem_is_told() {
    let cases = [
        ("nested lists", "[".repeat(10_000)),
        ("nested mappings", "{a: ".repeat(10_000)),
        ("nested mappings in block style", deep_mappings()),
        ("nested lists in block style", "- ".repeat(10_000)),
        ("nested keys", "? ".repeat(10_000)),
        ("billion laughs", laughs()),
        (
            "a long text many times",
            format!(
                "a: &a {}\nb: [{}]\n",
                "x".repeat(100_000),
                vec!["*a"; 20_000].join(",")
            ),
        ),
        ("too many values", format!("a: [{}]\n", "1,".repeat(100_000))),
        ("the same key twice", "a: 1\nb: { c: 1, \"c\": 2 }\n".to_owned()),
        ("no key", "a: 1\n~: 2\n".to_owned()),
        ("a key that is a list", "a: 1\n? [b, c]\n: 2\n".to_owned()),
        ("an alias to nothing", "a: 1\nb: *nobody\n".to_owned()),
        ("an alias to itself", "a: 1\nb: &b [*b]\n".to_owned()),
        (
            "merging what is no mapping",
            "a: &a [1]\nb:\n  <<: *a\n".to_owned(),
        ),
        ("two documents", "a: 1\n---\nb: 2\n".to_owned()),
        ("text behind the end", "a: 1\n...\nb: 2\n".to_owned()),
        (
            "a tag of another program",
            "a: 1\nb: !include other.yaml\n".to_owned(),
        ),
        ("a tab as indentation", "a:\n\tb: 1\n".to_owned()),
        ("NUL", "a: 1\nb: x\0y\n".to_owned()),
        ("a control character", "a: 1\nb: \"\u{1}\"\n".to_owned()),
        ("half a surrogate", "a: 1\nb: \"\\ud800\"\n".to_owned()),
        ("a quote that is not closed", "a: 1\nb: \"x\nc: 1\n".to_owned()),
        ("a bracket that is not closed", "a: 1\nb: [1, 2\n".to_owned()),
        (
            "a bracket closed by another",
            "a: 1\nb: [1, { c: 2 ]\n".to_owned(),
        ),
        ("two colons", "a: 1\nb: c: d\n".to_owned()),
        (
            "an indentation that fits nothing",
            "a:\n   b: 1\n  c: 2\n".to_owned(),
        ),
        (
            "a path that should be quoted",
            "a: { b: .x[Type=a].c, d: 1 ]\n".to_owned(),
        ),
        ("a value that starts with @", "a: 1\n@timestamp: 2\n".to_owned()),
        ("an infinite number", "a: .inf\n".to_owned()),
        (
            "a key of 100,000 letters",
            format!("{}: 1\n", "k".repeat(100_000)),
        ),
    ];
    let rendered: Vec<_> = cases
        .iter()
        .map(|(name, text)| {
            let problem = read(text).expect_err(name);
            let problem = problem.replace(&"x".repeat(1000), "…");
            assert!(problem.len() < 2000, "{name}: {}", problem.len());
            format!("# {name}\n{problem}")
        })
        .collect();
    insta::assert_snapshot!(rendered.join("\n"));
}

/// Scenario: what other readers of YAML take for something else. Guarantees: text stays text, numbers keep their digits,
/// aliases and merged keys mean what they repeat.
#[test]
fn values_are_what_they_seem() {
    let text =
        "Off: On\nyes: no\nNo: N\nnorway: NO\ntime: 1:30\ndate: 2001-01-01\noctal: 017\nunderscore: 1_000\n";
    let node = read(text).expect("it is valid");
    for entry in node.as_mapping().expect("it is a mapping") {
        let line = format!("{}: {}", entry.key, scalar(&entry.value));
        assert!(text.lines().any(|written| written == line), "{line}");
    }
    let text = "v: &v 1.10\nsame: *v\nbase: &base { x: 0x10, y: 2 }\nmerged:\n  <<: *base\n  y: 3.0\nquoted: !!int \"5\"\n";
    let node = read(text).expect("it is valid");
    assert_eq!(scalar(node.get("same").expect("an alias")), "1.10");
    let merged = node.get("merged").expect("a mapping");
    assert_eq!(scalar(merged.get("x").expect("merged")), "0x10");
    assert_eq!(scalar(merged.get("y").expect("its own")), "3.0");
    assert_eq!(scalar(node.get("quoted").expect("a number")), "5");
    for (text, expected) in [
        ("", Content::Null),
        ("# nothing\n", Content::Null),
        ("\u{feff}~\n", Content::Null),
    ] {
        assert_eq!(read(text).expect("it is valid").content, expected, "{text:?}");
    }
    let large = format!("a: {}\n", "y".repeat(900_000));
    let node = read(&large).expect("it is valid");
    assert_eq!(scalar(node.get("a").expect("a text")).len(), 900_000);
}

fn scalar(node: &Node) -> &str {
    match &node.content {
        Content::Scalar(scalar) => scalar.text(),
        other => panic!("{other:?}"),
    }
}
