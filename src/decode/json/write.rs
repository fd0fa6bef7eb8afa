//! Appends JSON to bytes: compact, numbers as their text stands.

use super::Value;
use super::scan::find_special;

/// Appends `value` without any whitespace. Members keep their order, equal names included.
pub fn write_value(output: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => output.extend_from_slice(b"null"),
        Value::Bool(true) => output.extend_from_slice(b"true"),
        Value::Bool(false) => output.extend_from_slice(b"false"),
        Value::Number(text) => output.extend_from_slice(text.as_bytes()),
        Value::String(text) => write_string(output, text),
        Value::Array(elements) => {
            output.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    output.push(b',');
                }
                write_value(output, element);
            }
            output.push(b']');
        }
        Value::Object(members) => {
            output.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    output.push(b',');
                }
                write_string(output, name);
                output.push(b':');
                write_value(output, value);
            }
            output.push(b'}');
        }
    }
}

/// Appends `text` in quotes; escapes quote, backslash and control characters, nothing else.
pub fn write_string(output: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    output.reserve(bytes.len() + 2);
    output.push(b'"');
    let mut start = 0;
    loop {
        let end = find_special(bytes, start);
        output.extend_from_slice(&bytes[start..end]);
        let Some(special) = bytes.get(end) else {
            break;
        };
        write_escape(output, *special);
        start = end + 1;
    }
    output.push(b'"');
}

/// Appends `text` in quotes, which must have nothing to escape: what borrows the body stood there without an escape.
pub fn write_plain_string(output: &mut Vec<u8>, text: &str) {
    debug_assert_eq!(find_special(text.as_bytes(), 0), text.len(), "nothing to escape");
    output.reserve(text.len() + 2);
    output.push(b'"');
    output.extend_from_slice(text.as_bytes());
    output.push(b'"');
}

fn write_escape(output: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            output.extend_from_slice(b"\\u00");
            output.push(DIGITS[usize::from(byte >> 4)]);
            output.push(DIGITS[usize::from(byte & 15)]);
            return;
        }
    };
    output.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use super::{write_string, write_value};
    use crate::decode::json::parse;

    #[test]
    fn escapes_what_must_be_escaped() {
        let cases = [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            (
                "\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}",
                "\"\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\"",
            ),
            ("日本 é \u{1f600}\u{2028}", "\"日本 é \u{1f600}\u{2028}\""),
        ];
        for (text, expected) in cases {
            let mut output = Vec::new();
            write_string(&mut output, text);
            assert_eq!(String::from_utf8(output).unwrap(), expected);
        }
    }

    #[test]
    fn writes_compactly_and_keeps_numbers_and_order() {
        let text = r#" { "b" : [ 1.50e+3 , -0 , 123456789012345678901234567890 ] , "a" : { } , "a" : null , "c" : [ ] , "d" : [ true , false ] } "#;
        let mut output = Vec::new();
        write_value(&mut output, &parse(text).unwrap());
        let expected =
            r#"{"b":[1.50e+3,-0,123456789012345678901234567890],"a":{},"a":null,"c":[],"d":[true,false]}"#;
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }
}
