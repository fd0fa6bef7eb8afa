//! Questions about acknowledgements, and their answers.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The body that asks about `ids`.
pub fn question(ids: impl Iterator<Item = u64>) -> Vec<u8> {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("{{\"acks\":[{}]}}", ids.join(",")).into_bytes()
}

/// The ids that an answer confirms, in rising order; `None` if it is no answer.
///
/// `false` says nothing: pending, unknown, at another node, expired or confirmed before.
pub fn confirmed(body: &[u8]) -> Option<Vec<u64>> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(
        answer
            .acks
            .into_iter()
            .filter_map(|(id, is_confirmed)| is_confirmed.then_some(id))
            .collect(),
    )
}

#[derive(Deserialize)]
struct Answer {
    acks: BTreeMap<u64, bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_and_reads() {
        assert_eq!(question([0, 7].into_iter()), br#"{"acks":[0,7]}"#);
        let cases = [
            (r#"{"acks":{"0":true,"1":false,"12":true}}"#, Some(vec![0, 12])),
            (r#"{"acks":{}}"#, Some(vec![])),
            (r#"{"acks":{"0":"true"}}"#, None),
            (r#"{"text":"Success","code":0}"#, None),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(confirmed(body.as_bytes()), expected, "{body}");
        }
    }
}
