//! `dead-letters`: what operators see of what was refused.

use super::harness::{Ended, directory, run};

const CONFIG: &str = "event_hub: { connection_string: { env: NOT_SET }, name: defender }
checkpoint: { file: { directory: ./state } }
dead_letter: { file: { directory: ./dead } }
targets: { soc: { file: { path: '-' }, mapping: native } }
";

/// A letter as one line of JSON.
fn line(number: i64, day: &str, target: &str, reason: &str, content: &str) -> String {
    let id = format!("{number:032x}");
    format!(
        r#"{{"event_id":"{id}","namespace":"contoso.servicebus.windows.net","hub":"defender","consumer_group":"$Default","partition":"3","sequence_number":{number},"offset":"4:5","enqueued_time":"{day}T10:00:00.000Z","record_index":0,"kind":"alert","key":"key-{number}","target":{target},"stage":"deliver","reason":"{reason}","detail":"the peer's\twords","mapping_revision":"ecs/alert@1",{content}}}"#
    ) + "\n"
}

/// A letter as the bridge writes it, with its length and its checksum.
fn framed(line: &str) -> String {
    let json = line.trim_end();
    let mut crc = flate2::Crc::new();
    crc.update(json.as_bytes());
    format!("{} {:08x} {json}\n", json.len(), crc.sum())
}

/// One letter in a file of an earlier version, two in a segment.
fn dead_letters(arguments: &[&str]) -> Ended {
    let first = line(11, "2026-02-01", "\"soc\"", "refused", r#""body":"eyJhIjoxfQ==""#);
    let second = line(12, "2026-02-02", "null", "undecodable", r#""body":"/wo=""#);
    let third = line(
        13,
        "2026-02-02",
        "\"soc\"",
        "too_large",
        r#""rendered":"eyJiIjoyfQ==""#,
    );
    let directory = directory(&[
        ("hub2siem.yaml", CONFIG),
        ("dead/2026-02-01.jsonl", &first),
        (
            "dead/20260202T100000000.letters",
            &(framed(&second) + &framed(&third)),
        ),
    ]);
    let mut all = vec!["dead-letters"];
    all.extend(arguments);
    run(directory.path(), &all)
}

fn lines(ended: &Ended) -> Vec<&str> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.output.lines().collect()
}

/// Scenario: letters of two days, with and without a target, no secret of the configuration at hand.
/// Guarantees: each has a line with its coordinates and the peer's words on one line, and they are counted.
#[test]
fn listed_and_counted() {
    let ended = dead_letters(&["list"]);
    assert_eq!(
        lines(&ended),
        [
            "2026-02-01-0 open 2026-02-01T10:00:00.000Z 3/11/0 alert soc refused: the peer's words",
            "20260202T100000000-0 open 2026-02-02T10:00:00.000Z 3/12/0 alert - undecodable: the peer's words",
            "20260202T100000000-424 open 2026-02-02T10:00:00.000Z 3/13/0 alert soc too_large: the peer's words",
            "1 of target -: undecodable, open",
            "1 of target soc: refused, open",
            "1 of target soc: too_large, open",
        ]
    );
    let json = dead_letters(&["list", "--json", "--target", "soc"]);
    let numbers = lines(&json).into_iter().map(|line| {
        let letter: serde_json::Value = serde_json::from_str(line).expect("one object a line");
        assert!(
            letter.get("body").is_none() && letter.get("rendered").is_none(),
            "{line}"
        );
        letter["sequence_number"].as_i64().expect("a number")
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [11, 13]);
}

#[test]
fn selected_by_target_reason_and_time() {
    for (selection, expected) in [
        (&["--target", "soc"][..], &[11, 13][..]),
        (&["--reason", "undecodable"], &[12]),
        (&["--from", "2026-02-01T10:00:00.001Z"], &[12, 13]),
        (&["--since", "2026-02-01T10:00:00.001Z"], &[12, 13]),
        (&["--to", "2026-02-02T10:00:00Z"], &[11]),
        (&["--kind", "assessment"], &[]),
        (&["--state", "done"], &[]),
        (&["--state", "open", "--kind", "alert"], &[11, 12, 13]),
        (&["--target", "soc", "--reason", "undecodable"], &[]),
    ] {
        let arguments = [&["export"][..], selection].concat();
        let ended = dead_letters(&arguments);
        let numbers = lines(&ended).into_iter().map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).expect("one object a line");
            letter["sequence_number"].as_i64().expect("a number")
        });
        assert_eq!(numbers.collect::<Vec<_>>(), expected, "{selection:?}");
    }
}

#[test]
fn shown_with_their_content() {
    for (name, expected) in [
        ("3/11", "  body: {\"a\":1}"),
        ("0000000000000000000000000000000B", "  body: {\"a\":1}"),
        (
            "3/12",
            "  body: 2 bytes that are no text; `export` has them in base64",
        ),
        ("3/13", "  rendered: {\"b\":2}"),
        ("2026-02-01-0", "  body: {\"a\":1}"),
    ] {
        let ended = dead_letters(&["show", name]);
        let shown = lines(&ended);
        assert!(shown[0].contains(" (open), ./dead/20"), "{}", shown[0]);
        assert!(
            shown.contains(&"  reason: refused") || name != "3/11",
            "{shown:?}"
        );
        assert_eq!(shown.last(), Some(&expected), "{name}");
    }
    for name in ["3/14", "ffffffffff", "abc", "20260202T100000000-1"] {
        assert_eq!(dead_letters(&["show", name]).code, Some(64), "{name}");
    }
}

/// Scenario: damage in the middle of a segment, an entry cut off at the end of one that is not the newest, and one that is
/// still being written.
/// Guarantees: what can be read is printed, the place of the damage is said and the exit code is 74; what was cut off is
/// said and is no failure; what is being written is no matter.
#[test]
fn damage_hides_nothing() {
    let letter = |number| {
        line(
            number,
            "2026-02-01",
            "\"soc\"",
            "refused",
            r#""body":"eyJhIjoxfQ==""#,
        )
    };
    let (first, second, third) = (letter(11), letter(12), letter(13));
    let broken = framed(&second).replace("refused", "refuseD");
    let cut = "20 0000";
    let older = framed(&first) + &broken + &framed(&third) + cut;
    let directory = directory(&[
        ("dead/20260201T100000000.letters", &older),
        ("dead/20260202T100000000.letters", &(framed(&first) + cut)),
    ]);
    let arguments = ["dead-letters", "export", "--directory", "dead"];
    let ended = run(directory.path(), &arguments);
    assert_eq!(ended.code, Some(74), "{ended:?}");
    assert_eq!(ended.output, format!("{first}{third}{first}"));
    let said: Vec<_> = ended.errors.lines().collect();
    let place = |offset: usize| format!("dead/20260201T100000000.letters: byte {offset}, ");
    let (damaged, torn) = (place(framed(&first).len()), place(older.len() - cut.len()));
    assert!(
        said[0].starts_with(&damaged) && said[0].contains("its checksum is"),
        "{said:?}"
    );
    assert!(
        said[1].starts_with(&torn) && said[1].contains("not written to its end"),
        "{said:?}"
    );
    assert_eq!(said[2..], ["error: 1 dead letter is damaged"]);

    let older = older.replace(&broken, "");
    std::fs::write(directory.path().join("dead/20260201T100000000.letters"), older).expect("it is writable");
    assert_eq!(run(directory.path(), &arguments).code, Some(0));
    let missing = run(directory.path(), &["dead-letters", "list", "--directory", "none"]);
    assert_eq!(missing.code, Some(74));
    assert!(missing.errors.contains("--directory"), "{}", missing.errors);
    let wrong = run(directory.path(), &["dead-letters", "list", "--reason", "because"]);
    assert_eq!(wrong.code, Some(64));
}
