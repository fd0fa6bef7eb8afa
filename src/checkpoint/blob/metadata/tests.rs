use super::*;

fn checkpoint(targets: BTreeMap<String, TargetPosition>) -> Checkpoint {
    Checkpoint {
        version: VERSION,
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("1:2:3"),
        enqueued_time: Timestamp::from_millis(1_700_000_000_123),
        hub_created_at: Some(Timestamp::from_millis(1_600_000_000_456)),
        stored_at: None,
        targets,
    }
}

fn position(number: i64) -> TargetPosition {
    TargetPosition {
        sequence_number: SequenceNumber(number),
        offset: Offset::new(format!("o{number}")),
    }
}

fn lower(metadata: HashMap<String, String>) -> BTreeMap<String, String> {
    metadata
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

#[test]
fn what_is_written_is_read() {
    let targets = BTreeMap::from([
        ("soc".to_owned(), position(4712)),
        ("café \u{1f600}".to_owned(), position(5000)),
    ]);
    let written = checkpoint(targets);
    let metadata = lower(write(&written));
    insta::assert_json_snapshot!(metadata, @r#"
    {
      "enqueuedtimems": "1700000000123",
      "hubcreatedat": "2020-09-13T12:26:40.456Z",
      "offset": "1:2:3",
      "sequencenumber": "4711",
      "targetpositions": "{\"caf\\u00e9 \\ud83d\\ude00\":{\"sequence_number\":5000,\"offset\":\"o5000\"},\"soc\":{\"sequence_number\":4712,\"offset\":\"o4712\"}}"
    }
    "#);
    assert_eq!(read("b", &metadata).expect("it can be read"), written);
}

#[test]
fn both_keys_are_always_there() {
    for (number, offset, expected) in [
        (7, "", "no offset"),
        (7, "No Offset", "no offset"),
        (-1, "", "-1"),
        (-1, "-1", "-1"),
        (7, "abc", "abc"),
    ] {
        let metadata = write(&Checkpoint {
            sequence_number: SequenceNumber(number),
            offset: Offset::new(offset),
            ..checkpoint(BTreeMap::new())
        });
        assert_eq!(metadata["offset"], expected, "{number} {offset}");
        assert_eq!(metadata["sequencenumber"], number.to_string());
    }
}

/// Scenario: checkpoints of other consumers, old and new. Guarantees: what they say is understood; what says nothing is an
/// error and no start from the beginning.
#[test]
fn reads_what_others_write() {
    let read = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        super::read("b", &pairs.collect())
    };
    for (pairs, number, offset) in [
        (
            &[("sequencenumber", "5"), ("offset", "1024")][..],
            Some(5),
            "1024",
        ),
        (&[("sequencenumber", "5"), ("offset", "")], Some(5), ""),
        (&[("sequencenumber", "5"), ("offset", "NO OFFSET")], Some(5), ""),
        (&[("sequencenumber", "5"), ("clientidentifier", "x")], Some(5), ""),
        (&[("sequencenumber", "-1"), ("offset", "-1")], Some(-1), "-1"),
        (&[("sequencenumber", ""), ("offset", "1024")], None, "1024"),
        (&[("offset", "a:b:1024")], None, "a:b:1024"),
        (
            &[
                ("sequencenumber", "5"),
                ("hubcreatedat", "x"),
                ("targetpositions", "x"),
                ("enqueuedtimems", "x"),
            ],
            Some(5),
            "",
        ),
    ] {
        let checkpoint = read(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
        let expected = number.map_or(SequenceNumber::UNKNOWN, SequenceNumber);
        assert_eq!(
            (checkpoint.sequence_number, checkpoint.offset.as_str()),
            (expected, offset),
            "{pairs:?}"
        );
        assert_eq!(checkpoint.enqueued_time, Timestamp::UNKNOWN);
        assert_eq!(checkpoint.hub_created_at, None);
        assert!(checkpoint.targets.is_empty());
    }
    for pairs in [
        &[][..],
        &[("sequencenumber", ""), ("offset", "no offset")],
        &[("sequencenumber", "five"), ("offset", "1024")],
        &[("sequencenumber", "-2"), ("offset", "1024")],
        &[("ownerid", "me")],
    ] {
        let error = read(pairs).expect_err("it says no position");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}

/// Scenario: more targets are ahead than the service has room for. Guarantees: what is written fits, and those nearest to
/// the shared position are left out.
#[test]
fn leaves_out_what_does_not_fit() {
    let name = |number: i64| format!("target-{number}-{}", "ü".repeat(100));
    let targets: BTreeMap<_, _> = (5000..5060)
        .map(|number| (name(number), position(number)))
        .collect();
    let metadata = lower(write(&checkpoint(targets.clone())));
    let bytes: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    assert!(bytes <= MAX_METADATA_BYTES, "{bytes}");
    assert!(metadata.values().all(|value| value.is_ascii()));
    let kept = read("b", &metadata).expect("it can be read").targets;
    assert!(!kept.is_empty() && kept.len() < targets.len(), "{}", kept.len());
    let least = 5060 - kept.len() as i64;
    assert!(kept.values().all(|position| position.sequence_number.0 >= least));
}
