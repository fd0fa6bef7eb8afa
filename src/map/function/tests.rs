use super::FUNCTIONS;
use proptest::prelude::*;

use crate::map::testing::{rendered, value};

/// Scenario: the example of every function as the reference shows it. Guarantees: it is true.
#[test]
fn every_example_is_true() {
    for function in FUNCTIONS {
        let [pipe, input, result] = function.example;
        assert_eq!(call(pipe, input), result, "{pipe}");
    }
}

#[test]
fn odd_input_gives_what_it_should() {
    let cases = [
        ("lower", r#""ÄB""#, r#""äb""#),
        ("lower", r#"["A","B"]"#, r#"["a","b"]"#),
        ("lower", r#"{"a":1}"#, ""),
        ("trim", r#""  ""#, ""),
        ("rfc3339", r#""N/A""#, ""),
        (
            "rfc3339",
            r#""2025-08-21T00:00:00""#,
            r#""2025-08-21T00:00:00.000Z""#,
        ),
        ("epoch_s", r#""1969-12-31T23:59:59.5Z""#, "-1"),
        ("int", r#""4104""#, "4104"),
        ("int", r#"" 17 ""#, "17"),
        ("int", "3.0", "3"),
        ("int", "3.5", ""),
        ("int", r#""0xZZ""#, ""),
        ("int", "99999999999999999999", ""),
        ("float", r#""NaN""#, ""),
        ("float", "1", "1"),
        ("percent", "1.5", ""),
        ("percent", "0", "0"),
        ("text", "true", r#""true""#),
        ("text", "12345678901234567890123", r#""12345678901234567890123""#),
        (r#"split(",")"#, r#""a,, b ,""#, r#"["a","b"]"#),
        (r#"split(",")"#, r#"["a,b","c"]"#, r#"["a","b","c"]"#),
        (r#"join("")"#, r#"["a",1,true,{"b":1}]"#, r#""a1true""#),
        (r#"join(",")"#, r#""alone""#, r#""alone""#),
        ("first", "5", "5"),
        ("last", "[[1],[2]]", "[2]"),
        ("unique", "5", "[5]"),
        ("count", r#"{"a":1}"#, "1"),
        ("arm(subscription)", r#""/SUBSCRIPTIONS/AB/x""#, r#""ab""#),
        ("arm(name)", r#""no id""#, ""),
        ("segment(location)", r#""https://portal/location""#, ""),
        ("segment(Location)", r#""a/LOCATION/x/location/y""#, r#""x""#),
        (r#"after_last("_")"#, r#""ab""#, r#""ab""#),
        (r#"after_last("_")"#, r#""ab_""#, ""),
        (r#"before("_")"#, r#""ab""#, r#""ab""#),
        ("truncate(2)", r#""äöü""#, r#""äö""#),
        ("basename", r#""/usr/bin/env""#, r#""env""#),
        ("basename", r#""env""#, r#""env""#),
        (r#"replace("a", "")"#, r#""aaa""#, ""),
        ("url", r#""http://a/b""#, r#""http://a/b""#),
        ("url", r#""N/A""#, ""),
        ("url", r#""not an address.""#, ""),
        ("plain_text", r#""a < b &amp; c > d""#, r#""a < b & c > d""#),
        ("plain_text", r#""<p>one</p><p>two</p>""#, r#""one\ntwo""#),
        ("plain_text", r#""&#228;&unknown;&""#, r#""ä&unknown;&""#),
        ("plain_text", r#""<a href='x'>link</a""#, r#""link</a""#),
        ("json", r#"["a",1]"#, r#"["\"a\"","1"]"#),
        ("sha256", r#""""#, ""),
        ("sha256", r#"{"a":1}"#, ""),
        (
            "sha256",
            r#""ann@contoso.com""#,
            r#""6e44bb84acef75de452e7066e8eb84594d02613e3fade98b14c05afff3d83b0e""#,
        ),
        (
            "sha256(8)",
            r#"["ann@contoso.com",1]"#,
            r#"["6e44bb84","5233d8b6"]"#,
        ),
        ("mask(0)", r#""ann@contoso.com""#, r#""***""#),
        ("mask(2)", r#""anna""#, r#""an***""#),
        ("mask(2)", r#""ann""#, r#""***""#),
        ("mask(1, 4)", r#""ann@contoso.com""#, r#""a***.com""#),
        ("mask(4)", r#""192.0.2.17""#, r#""192.***""#),
        ("mask(2)", r#""äöüß""#, r#""äö***""#),
        ("mask(0, 2)", r#"[1234,{"a":1},"x"]"#, r#"["***34","***"]"#),
        ("date_us", r#""13/13/2024 1:00:00 PM""#, ""),
    ];
    for (pipe, input, expected) in cases {
        assert_eq!(call(pipe, input), expected, "{input} | {pipe}");
    }
}

fn call(pipe: &str, input: &str) -> String {
    value(&format!("'.input | {pipe}'"), &format!("{{\"input\":{input}}}"))
}

/// A map with every function, as its example calls it.
fn all_functions() -> String {
    let fields: Vec<_> = FUNCTIONS
        .iter()
        .map(|function| format!("  {}: '.input | {}'\n", function.name, function.example[0]))
        .collect();
    format!("fields:\n{}", fields.concat())
}

/// Scenario: every function on values it is not made for. Guarantees: each gives something or is absent; none is an error.
#[test]
fn a_value_that_cannot_be_computed_is_absent() {
    let inputs = [
        "null",
        "true",
        "0",
        "-0.0",
        "1e400",
        "-1e-400",
        "123456789012345678901234567890",
        r#""""#,
        r#"" ""#,
        r#""\u0000""#,
        r#""\ud83d\ude00""#,
        r#""9999-12-31T23:59:59.9999999Z""#,
        r#""0000-00-00T00:00:00Z""#,
        r#""-9223372036854775809""#,
        r#""0x8000000000000000""#,
        r#""/""#,
        r#""///""#,
        r#""<<<&#x110000;&#;&;</""#,
        "[]",
        "{}",
        "[null,[],{}]",
        r#"[[["a"]],{"b":[1]}]"#,
        r#"{"$ref":"1"}"#,
        r#"[1,"a",true,{"x":null}]"#,
    ];
    for input in inputs {
        let rendered = rendered(&all_functions(), &format!("{{\"input\":{input}}}"));
        assert!(rendered.starts_with('{'), "{input}: {rendered}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        r"[-0-9TZ:./+xeE ]{0,30}".prop_map(Value::from),
        r"/?(subscriptions|resourceGroups|providers|[A-Za-z.]{0,9}|/){0,9}".prop_map(Value::from),
        r"[<>/&;#a-z0-9 ]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z$]{0,6}", inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Scenario: every function on any JSON value. Guarantees: no panic, no error, and valid JSON.
    #[test]
    fn functions_take_any_value(input in any_json()) {
        let rendered = rendered(&all_functions(), &serde_json::json!({ "input": input }).to_string());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&rendered).is_ok(), "{rendered}");
    }
}
