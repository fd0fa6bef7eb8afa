//! Letters of every form at targets of every form.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::testing::{configuration, letter};
use super::*;

/// A target of this mapping set.
fn target(directory: &Path, mapping: &str) -> TargetConfiguration {
    let target = format!("soc: {{ file: {{ path: '-' }}, mapping: {mapping} }}");
    configuration(directory, &target).targets.remove(0)
}

const ALERT: &str = r#"{"SystemAlertId":"2517", "AlertType":"VM_X","AlertDisplayName":"A name","Severity":"High","TimeGenerated":"2023-11-14T22:00:00Z"}"#;

fn rendered(prepared: &Prepared) -> Value {
    serde_json::from_slice(&prepared.bytes).expect("it is JSON")
}

/// Scenario: a refused alert, and a list that was a record of its own. Guarantees: they are mapped as configured now, with
/// the id and the place they had; the list is one record still.
#[test]
fn a_body_is_mapped_anew() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let ecs = target(directory.path(), "ecs");
    let prepared =
        prepare(&letter("alert", "refused", Some(ALERT.as_bytes())), &ecs).expect("it can be sent");
    assert_eq!(rendered(&prepared)["event"]["kind"], "alert");
    assert_eq!(
        prepared.about.event_id.to_string(),
        "c6d388ba46f7ec4c47b1955d4b545e38"
    );
    assert_eq!((prepared.about.kind, prepared.about.index), (Kind::Alert, 2));
    assert_eq!(prepared.about.key.as_deref(), Some("2517"));
    assert!(prepared.about.mapping_revision.is_some());
    assert_eq!(prepared.mark.sequence_number, SequenceNumber(7));
    assert_eq!(prepared.mark.offset.as_str(), "4:5:6");

    let native = target(directory.path(), "native");
    let list = letter("unknown", "unrouted_unknown", Some(b"[1, [2]]"));
    let prepared = prepare(&list, &native).expect("it can be sent");
    assert_eq!(rendered(&prepared)["record"], json!([1, [2]]));
    assert_eq!(prepared.about.kind, Kind::Unknown);
}

/// Scenario: bytes that are no JSON, as text and as none, and an event that could not be read. Guarantees: JSON and text sets
/// get what is kept of them, as an object.
#[test]
fn what_is_no_json_is_sent_as_an_object() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (native, cef) = (
        target(directory.path(), "native"),
        target(directory.path(), "cef"),
    );
    let base = json!({ "reason": "undecodable", "detail": "Invalid data format" });
    for (body, name, value) in [
        (Some(&b"{bro\nken"[..]), "text", "{bro\nken"),
        (Some(&b"\xff\n"[..]), "base64", "/wo="),
        (None, "", ""),
    ] {
        let letter = letter("undecodable", "undecodable", body);
        let prepared = prepare(&letter, &native).expect("it can be sent");
        let mut expected = base.clone();
        if !name.is_empty() {
            expected[name] = value.into();
        }
        let found = rendered(&prepared);
        assert_eq!(
            (&found["kind"], &found["record"]),
            (&json!("undecodable"), &expected)
        );
        assert_eq!(prepared.about.kind, Kind::Undecodable);
        let line = prepare(&letter, &cef).expect("it can be sent");
        assert!(
            line.bytes.starts_with(b"CEF:0|") && !line.bytes.contains(&b'\n'),
            "{:?}",
            line.bytes
        );
    }
}

/// Scenario: an event of which only the number is known. Guarantees: its record has the same id each time, and the time of
/// the replay.
#[test]
fn an_unreadable_event_is_of_now() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let native = target(directory.path(), "native");
    let unreadable = StoredLetter {
        event_id: None,
        offset: None,
        enqueued_time: None,
        ..letter("undecodable", "unreadable", None)
    };
    // A clock may be set back a little in between.
    let before = Timestamp::from_millis(Timestamp::now().as_millis() - 60_000);
    let prepared = prepare(&unreadable, &native).expect("it can be sent");
    let again = prepare(&unreadable, &native).expect("it can be sent");
    assert_eq!(prepared.about.event_id, again.about.event_id);
    assert!(prepared.about.time >= before && prepared.mark.enqueued_time >= before);
    assert_eq!(rendered(&prepared)["record"]["reason"], "unreadable");
}

#[test]
fn only_what_was_rendered_is_sent_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let native = target(directory.path(), "native");
    let mut letter = letter("alert", "refused", None);
    letter.rendered = Some(STANDARD.encode("CEF:0|x"));
    letter.key = Some("2517".to_owned());
    letter.mapping_revision = Some("cef/alert@1".to_owned());
    let prepared = prepare(&letter, &native).expect("it can be sent");
    assert_eq!(&prepared.bytes[..], b"CEF:0|x");
    assert_eq!(prepared.about.kind, Kind::Alert);
    assert_eq!(prepared.about.key.as_deref(), Some("2517"));
    assert_eq!(prepared.about.mapping_revision.as_deref(), Some("cef/alert@1"));
    assert_eq!(
        prepared.about.event_id.to_string(),
        "c6d388ba46f7ec4c47b1955d4b545e38"
    );
}

#[test]
fn what_cannot_be_sent_says_why() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let native = target(directory.path(), "native");
    let mut broken = letter("alert", "refused", None);
    broken.body = Some("*".to_owned());
    for (letter, detail) in [
        (broken, "no base64"),
        (letter("alert", "refused", Some(b"{} {}")), "no JSON value"),
    ] {
        let unfit = prepare(&letter, &native).expect_err("it cannot be sent");
        assert_eq!(unfit.reason, RejectReason::Undecodable);
        assert!(unfit.detail.contains(detail), "{unfit:?}");
    }
}
