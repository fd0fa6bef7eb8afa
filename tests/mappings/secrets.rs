//! What no set may write.

use std::path::Path;

use serde_json::Value;

use crate::support::{render, sets};

/// Scenario: a secret in a partner's data. Guarantees: no set writes it.
#[test]
fn a_partner_secret_is_never_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/assessment/partner-secret.json");
    let body = std::fs::read_to_string(&path).expect("the fixture is there");
    let document: Value = serde_json::from_str(&body).expect("it is valid");
    let secret = document["properties"]["partnersData"]["Secret"]
        .as_str()
        .expect("it has one");
    for set in sets() {
        for record in render(set, &path) {
            assert!(!record.line.contains(secret), "{set}");
        }
    }
}
