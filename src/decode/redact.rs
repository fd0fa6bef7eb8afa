//! Takes a partner's secret out of a document. It is a credential that the API may hand out and nobody may forward.

use super::json::Value;

const HOLDER: &str = "partnersData";
const SECRET: &str = "secret";

/// Removes every `secret` at or below every `partnersData`, in any case and depth; `true` if there was one.
pub fn redact(document: &mut Value<'_>) -> bool {
    // Hardly a record has such an object, and looking is cheaper than taking out.
    has_holder(document) && remove(document)
}

fn has_holder(value: &Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(has_holder),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case(HOLDER) || has_holder(value)),
        _ => false,
    }
}

fn remove(value: &mut Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements
            .iter_mut()
            .fold(false, |any, element| remove(element) | any),
        Value::Object(members) => {
            let before = members.len();
            members
                .retain(|(name, value)| !(name.eq_ignore_ascii_case(HOLDER) && is_text_with_secret(value)));
            let mut any = members.len() < before;
            for (name, value) in members {
                any |= if name.eq_ignore_ascii_case(HOLDER) {
                    remove_secrets(value)
                } else {
                    remove(value)
                };
            }
            any
        }
        _ => false,
    }
}

/// The exporter writes some objects as JSON in a text; such a holder goes as a whole.
fn is_text_with_secret(value: &Value<'_>) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.to_ascii_lowercase().contains(SECRET))
}

fn remove_secrets(value: &mut Value<'_>) -> bool {
    match value {
        Value::Array(elements) => elements
            .iter_mut()
            .fold(false, |any, element| remove_secrets(element) | any),
        Value::Object(members) => {
            let before = members.len();
            members.retain(|(name, _)| !name.eq_ignore_ascii_case(SECRET));
            let is_removed = members.len() < before;
            members
                .iter_mut()
                .fold(is_removed, |any, (_, value)| remove_secrets(value) | any)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::decode::json::{parse, write_value};

    #[test]
    fn removes_every_secret_of_a_partner_and_nothing_else() {
        let cases = [
            (
                r#"{"partnersData":{"partnerName":"p","secret":"s"}}"#,
                Some(r#"{"partnersData":{"partnerName":"p"}}"#),
            ),
            (
                r#"{"a":[{"PARTNERSDATA":{"Secret":1,"x":{"SECRET":2,"y":3}}}]}"#,
                Some(r#"{"a":[{"PARTNERSDATA":{"x":{"y":3}}}]}"#),
            ),
            (
                r#"{"partnersData":[{"secret":1},{"b":2}],"c":1}"#,
                Some(r#"{"partnersData":[{},{"b":2}],"c":1}"#),
            ),
            (
                r#"{"partnersData":"{\"Secret\":\"s\"}","c":1}"#,
                Some(r#"{"c":1}"#),
            ),
            (
                r#"{"partnersData":{"partners\u0044ata":{},"s\u0065cret":1}}"#,
                Some(r#"{"partnersData":{"partnersData":{}}}"#),
            ),
            (r#"{"secret":"kept","partnersData":{"partnerName":"p"}}"#, None),
            (r#"{"partnersData":null}"#, None),
            (r#"[1,"partnersData secret"]"#, None),
        ];
        for (input, expected) in cases {
            let mut document = parse(input).unwrap();
            assert_eq!(redact(&mut document), expected.is_some(), "{input}");
            let mut output = Vec::new();
            write_value(&mut output, &document);
            assert_eq!(String::from_utf8(output).unwrap(), expected.unwrap_or(input));
        }
    }
}
