use super::FUNCTIONS;
use crate::map::testing::value;

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
