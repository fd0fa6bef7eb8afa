//! The parser against hard cases and against serde_json.

use proptest::prelude::*;

use super::{MAX_DEPTH, ParseError, Value, parse, parse_next, write_value};

/// Whether both say the same; numbers are compared as serde_json reads their text.
fn equal(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::Number(ours), serde_json::Value::Number(_)) => {
            serde_json::from_str::<serde_json::Value>(ours).is_ok_and(|number| number == *theirs)
        }
        (Value::String(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| equal(ours, theirs))
        }
        (Value::Object(ours), serde_json::Value::Object(theirs)) => {
            // serde_json keeps the last of equal names.
            theirs.iter().all(|(name, theirs)| {
                let last = ours.iter().rev().find(|(ours, _)| ours == name);
                last.is_some_and(|(_, ours)| equal(ours, theirs))
            }) && ours.iter().all(|(name, _)| theirs.contains_key(name.as_ref()))
        }
        _ => false,
    }
}

fn check(text: &str) {
    match (parse(text), serde_json::from_str::<serde_json::Value>(text)) {
        (Ok(ours), Ok(theirs)) => assert!(equal(&ours, &theirs), "{text}"),
        // serde_json gives up at a number that no float can hold; such a text says nothing about the rest.
        (_, Err(error)) if error.to_string().starts_with("number out of range") => {}
        (ours, theirs) => assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}: {ours:?}, {theirs:?}"),
    }
}

/// Scenario: texts at the edges of the grammar, accepted and refused ones.
/// Guarantees: we accept what serde_json accepts, with the same values, and refuse what it refuses.
#[test]
fn hard_cases_agree_with_serde_json() {
    let accepted = [
        "null",
        " true ",
        "\t\r\nfalse",
        "0",
        "-0",
        "-0.0",
        "1E5",
        "1e+5",
        "1.25e-10",
        "\"\"",
        "[]",
        "{}",
        "[[[]]]",
        "[ ]",
        "{ }",
        "{\"a\":1,\"a\":2}",
        "{\"\":{}}",
        "123456789012345678901234567890",
        "1e400",
        "-1e-400",
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u0041\u00e9\u20AC""#,
        r#""\ud83d\ude00""#,
        r#""a\u0000b""#,
        "\"\u{7f}\u{2028}é日\"",
        r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#,
        "[1,2.5,null,true,\"x\",{\"y\":[]}]",
    ];
    for text in accepted {
        assert!(parse(text).is_ok(), "{text}");
        check(text);
    }
    let refused = [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "+1",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1.e5",
        "0x10",
        "NaN",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800a\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\u+123\"",
        "\"a\nb\"",
        "\"a\u{0}b\"",
        "\"a\u{1f}\"",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{,}",
        "}",
        "[}",
        "{]",
        "1 2",
        "{} x",
        "\u{feff}{}",
        "\u{a0}1",
        "'a'",
        "// c\n1",
    ];
    for text in refused {
        assert!(parse(text).is_err(), "{text}");
        check(text);
    }
}

#[test]
fn numbers_keep_their_text() {
    for text in [
        "123456789012345678901234567890",
        "-0",
        "1e400",
        "1.10",
        "0.1E-0007",
    ] {
        assert_eq!(parse(text), Ok(Value::Number(text.into())));
    }
}

#[test]
fn strings_borrow_unless_escaped() {
    let parsed = parse(r#"["plain","esc\u0061ped"]"#).unwrap();
    let [Value::String(plain), Value::String(escaped)] = parsed.as_array().unwrap() else {
        panic!("two strings");
    };
    assert!(matches!(plain, std::borrow::Cow::Borrowed("plain")));
    assert!(matches!(escaped, std::borrow::Cow::Owned(_)));
    assert_eq!(escaped, "escaped");
}

/// Scenario: as many levels as allowed, one more, and a million.
/// Guarantees: the bound is exact, and crossing it is an error and not a stack overflow.
#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    let too_deep = Err(ParseError::TooDeep { position: MAX_DEPTH });
    assert_eq!(parse(&nested(MAX_DEPTH + 1)), too_deep);
    assert_eq!(parse(&nested(1_000_000)), too_deep);
    assert_eq!(parse(&"[".repeat(1_000_000)), too_deep);
    let objects = format!(
        "{}1{}",
        "{\"a\":".repeat(MAX_DEPTH + 1),
        "}".repeat(MAX_DEPTH + 1)
    );
    assert!(matches!(parse(&objects), Err(ParseError::TooDeep { .. })));
    // Side by side is not inside one another.
    assert!(parse(&format!("[{}[]]", "[],".repeat(1000))).is_ok());
}

#[test]
fn gives_several_values_with_their_places() {
    let text = " {\"a\":1}\n[2]{}\"x\" 3 true[] ";
    let mut position = 0;
    let mut places = Vec::new();
    while let Some((range, _)) = parse_next(text, &mut position).unwrap() {
        places.push(&text[range]);
    }
    assert_eq!(places, ["{\"a\":1}", "[2]", "{}", "\"x\"", "3", "true", "[]"]);
    assert_eq!(position, text.len());
}

#[test]
fn stays_at_the_value_it_could_not_parse() {
    for (text, expected) in [
        ("{} {\"a\":", 3),
        ("{}  2024-01-01", 4),
        ("{}truefalse", 2),
        ("{},{}", 2),
    ] {
        let mut position = 0;
        assert!(matches!(parse_next(text, &mut position), Ok(Some(_))));
        assert!(parse_next(text, &mut position).is_err());
        assert_eq!(position, expected, "{text}");
    }
}

/// Arbitrary documents as serde_json would hold them.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Scenario: documents written by serde_json, compact and indented.
    /// Guarantees: parsing gives the same values, and writing them gives a text that serde_json reads the same.
    #[test]
    fn round_trips_through_serde_json(document in documents()) {
        for text in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
            let ours = parse(&text).unwrap();
            // Read back, because serde_json does not read each float as the one it wrote.
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert!(equal(&ours, &theirs));
            let mut written = Vec::new();
            write_value(&mut written, &ours);
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap(), theirs);
        }
    }

    /// Scenario: a document with some of its characters replaced, removed or doubled.
    /// Guarantees: we refuse exactly what serde_json refuses, and agree on what is left.
    #[test]
    fn damaged_documents_agree_with_serde_json(
        document in documents(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}\",:\\\\0-9eE.+\\-tfnu \u{1}\u{e9}]{0,2}"), 1..4),
    ) {
        let mut characters: Vec<String> = document.to_string().chars().map(String::from).collect();
        for (place, replacement) in damages {
            let place = place.index(characters.len());
            characters[place] = replacement;
        }
        check(&characters.concat());
    }

    /// Scenario: short texts of nothing but the characters of the grammar.
    /// Guarantees: as above, with far more accepted edge cases than damaged documents reach.
    #[test]
    fn texts_of_grammar_agree_with_serde_json(text in "[\\[\\]{}\",:\\\\01eE.+\\-tfnu \ta\u{e9}]{0,12}|\"(\\\\u[dD][89a-fA-F][0-9a-f]{2}|\\\\[\"/bfnrtx]|a){0,4}\"|-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,3})?") {
        check(&text);
    }
}
