//! Every fixture through the decoder: what kind of records come out, and what each offers to routes and maps.

use std::fmt::Write;
use std::path::Path;

use hub2siem::decode::json::{parse, write_value};
use hub2siem::decode::{decode, problem, unknown_fields};
use hub2siem::event::{
    Event, Hub, Kind, Offset, PartitionId, Record, RecordField, SequenceNumber, Timestamp,
};

fn hub() -> Hub {
    Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    }
}

fn event(body: Vec<u8>) -> Event {
    Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8590000000"),
        enqueued_time: Timestamp::parse("2026-06-07T08:09:10.111Z").unwrap(),
        body: body.into(),
        last_enqueued: None,
    }
}

/// One line per fact of a record, absent ones left out.
fn describe(record: &Record<'_>) -> String {
    let mut text = format!("record {} bytes {:?}\n", record.index, record.range);
    for (name, field) in RecordField::ALL {
        if let Some(value) = record.field(field) {
            let mut json = Vec::new();
            write_value(&mut json, &value);
            writeln!(text, "  {name}: {}", String::from_utf8(json).unwrap()).unwrap();
        }
    }
    if record.is_redacted {
        text.push_str("  redacted\n");
    }
    if unknown_fields(record) > 0 {
        writeln!(text, "  unknown fields: {}", unknown_fields(record)).unwrap();
    }
    if let Some(problem) = problem(record) {
        writeln!(text, "  problem: {problem}").unwrap();
    }
    text
}

/// Scenario: each body below `tests/fixtures`: every kind in every shape, envelopes, and bodies that are no JSON.
/// Guarantees: records, kinds, keys, times and all `$record` fields are those of the stored snapshots.
#[test]
fn fixtures_decode_as_stored() {
    insta::glob!("fixtures/*/*.json", |path| {
        let hub = hub();
        let event = event(std::fs::read(path).unwrap());
        let records = decode(&hub, &event);
        let described: Vec<String> = records.iter().map(describe).collect();
        insta::assert_snapshot!(format!("{} records\n{}", records.len(), described.concat()));
    });
}

/// Scenario: each fixture in a folder named after a kind.
/// Guarantees: all its records are of that kind, and none has a field that is unknown, apart from the one made for that.
#[test]
fn folders_name_the_kinds() {
    let mut seen = 0;
    for (path, body) in fixtures() {
        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let Ok(kind) = folder.parse::<Kind>() else {
            continue;
        };
        let (hub, event) = (hub(), event(body));
        for record in decode(&hub, &event) {
            assert_eq!(record.kind, kind, "{}", path.display());
            let expected = usize::from(path.ends_with("reported-severity.json"));
            assert_eq!(unknown_fields(&record), expected, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Scenario: the original of each record that is JSON, written on one line.
/// Guarantees: it is one line, says the same as the record's bytes, and never contains a partner's secret.
#[test]
fn originals_are_lines_that_say_the_same() {
    let mut redacted = 0;
    for (path, body) in fixtures() {
        let (hub, event) = (hub(), event(body));
        for record in decode(&hub, &event) {
            let mut line = Vec::new();
            record.write_original(&mut line);
            let line = String::from_utf8(line).unwrap();
            assert!(!line.contains(['\n', '\r']), "{}", path.display());
            if record.is_redacted {
                assert!(
                    !line.contains("not to be forwarded") && line.contains("\"Partner\""),
                    "{line}"
                );
                redacted += 1;
            } else if record.kind != Kind::Undecodable {
                let bytes = std::str::from_utf8(record.bytes()).unwrap();
                assert_eq!(parse(&line).unwrap(), parse(bytes).unwrap(), "{}", path.display());
            }
        }
    }
    assert_eq!(redacted, 1);
}

/// Scenario: an alert as exported and the same alert from the API.
/// Guarantees: both have one key and agree on every field that both shapes have.
#[test]
fn both_shapes_of_an_alert_agree() {
    let body = |name: &str| std::fs::read(Path::new("tests/fixtures/alert").join(name)).unwrap();
    let (hub, wire, rest) = (hub(), event(body("wire.json")), event(body("rest.json")));
    let (wire, rest) = (decode(&hub, &wire).remove(0), decode(&hub, &rest).remove(0));
    for (name, field) in RecordField::ALL {
        if !matches!(field, RecordField::Status | RecordField::State) {
            assert_eq!(wire.field(field), rest.field(field), "{name}");
        }
    }
}

/// Scenario: one item as streamed, in a snapshot, deleted, and with another status; one finding of two scans.
/// Guarantees: the state is equal where only the delivery differs, and differs where the item does.
#[test]
fn state_is_that_of_the_item_and_not_of_the_delivery() {
    let hub = hub();
    let state = |body: &str| {
        let event = event(body.as_bytes().to_vec());
        let records = decode(&hub, &event);
        records[0]
            .field(RecordField::State)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let fixture = |name: &str| std::fs::read_to_string(Path::new("tests/fixtures").join(name)).unwrap();
    let streamed = fixture("assessment/insert.json");
    assert_eq!(state(&streamed), state(&fixture("assessment/snapshot.json")));
    assert_eq!(
        state(&streamed),
        state(&streamed.replace("\"Insert\"", "\"Delete\""))
    );
    assert_ne!(state(&streamed), state(&fixture("assessment/delete.json")));
    assert_ne!(state(&streamed), state(&streamed.replace("Unhealthy", "Healthy")));

    let finding = fixture("sub_assessment/server.json");
    assert_eq!(
        state(&finding),
        state(&finding.replace("2026-04-05T", "2026-04-06T"))
    );
    assert_ne!(
        state(&streamed),
        state(&streamed.replace("2026-02-03T", "2026-02-04T"))
    );

    let order = [
        r#"{"a":{"x":1,"y":[1,2]},"b":"c"}"#,
        r#"{ "b":"\u0063", "a":{"y":[1,2],"x":0,"x":1} }"#,
    ];
    assert_eq!(state(order[0]), state(order[1]));
    assert_ne!(state(order[0]), state(r#"{"a":{"x":1,"y":[2,1]},"b":"c"}"#));
    assert_ne!(state(order[0]), state(r#"{"a":{"x":1.0,"y":[1,2]},"b":"c"}"#));
}

/// Scenario: bodies made to hurt: 20,000 brackets, 20 MB of text, bytes that are no UTF-8, a number of 30 digits,
/// half a million values in a row.
/// Guarantees: no crash; each byte that matters is in exactly one record, and numbers keep their digits.
#[test]
fn poison_is_accounted_for() {
    let kinds = |body: &[u8]| {
        let (hub, event) = (hub(), event(body.to_vec()));
        let records = decode(&hub, &event);
        let kinds: Vec<_> = records
            .iter()
            .map(|record| (record.kind, record.range.clone()))
            .collect();
        kinds
    };
    let undecodable = |body: &[u8]| assert_eq!(kinds(body), [(Kind::Undecodable, 0..body.len())]);
    undecodable("[".repeat(20_000).as_bytes());
    undecodable(format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)).as_bytes());
    undecodable(format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000)).as_bytes());
    undecodable("lorem ipsum ".repeat(1_700_000).as_bytes());
    undecodable(format!("\"{}", "x".repeat(20_000_000)).as_bytes());
    undecodable(&[0xff; 1000]);
    undecodable(b"{\"a\":\"\xed\xa0\x80\"}");

    let long_text = format!("\"{}\"", "x".repeat(20_000_000));
    assert_eq!(kinds(long_text.as_bytes()), [(Kind::Unknown, 0..long_text.len())]);
    assert_eq!(kinds(&b"1 ".repeat(500_000)).len(), 500_000);

    let digits = "123456789012345678901234567890";
    let body = format!("{{\"SystemAlertId\":\"a\",\"AlertType\":\"b\",\"ConfidenceScore\":{digits}}}");
    let (hub, event) = (hub(), event(body.into_bytes()));
    let records = decode(&hub, &event);
    assert_eq!(records[0].kind, Kind::Alert);
    let score = records[0].document.get("ConfidenceScore").unwrap();
    assert_eq!(score.as_number(), Some(digits));
}

/// All fixtures with their bytes.
fn fixtures() -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut fixtures = Vec::new();
    for folder in std::fs::read_dir("tests/fixtures").unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let body = std::fs::read(&path).unwrap();
            fixtures.push((path, body));
        }
    }
    fixtures
}
