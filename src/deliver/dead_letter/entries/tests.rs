//! Entries written and read again, whole and damaged.

use std::fs;

use proptest::prelude::*;

use super::super::tests::letter;
use super::super::{Content, DeadLetter, line};
use super::*;
use crate::event::Timestamp;

/// A file of these letters, and where each entry begins.
fn framed(letters: &[DeadLetter]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut begins) = (Vec::new(), Vec::new());
    for letter in letters {
        let mut json = Vec::new();
        line::write(letter, &mut json);
        begins.push(bytes.len());
        frame::append(&json, &mut bytes);
    }
    (bytes, begins)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    letters: Vec<i64>,
    damaged: Vec<(u64, u64)>,
    torn: Vec<(u64, u64)>,
}

fn see(bytes: &[u8]) -> Seen {
    let place = Place {
        path: Path::new("20260201T101530123.letters"),
        stem: "20260201T101530123".into(),
        form: Form::Framed,
    };
    let mut seen = Seen::default();
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        place.line(offset, line, &mut |found| {
            match found {
                Found::Entry(entry) => seen.letters.push(entry.letter.sequence_number),
                Found::Damaged(it) => seen.damaged.push((it.offset, it.bytes)),
                Found::Torn(it) => seen.torn.push((it.offset, it.bytes)),
            }
            true
        });
        offset += line.len() as u64;
    }
    seen
}

/// Scenario: a crash cuts a segment at any byte. Guarantees: every entry before the cut is read, the rest of one is told,
/// and nothing else is.
#[test]
fn a_torn_end_at_every_byte() {
    let (bytes, begins) = framed(&[letter(1), letter(2), letter(3)]);
    for length in 0..=bytes.len() {
        let seen = see(&bytes[..length]);
        // An entry without its line end is whole all the same.
        let ends = begins[1..].iter().copied().chain([bytes.len()]);
        let whole: Vec<i64> = ends
            .zip(1..)
            .filter(|(end, _)| end - 1 <= length)
            .map(|(_, number)| number)
            .collect();
        let torn = begins.get(whole.len()).filter(|begin| **begin < length);
        assert_eq!(seen.letters, whole, "{length}");
        assert_eq!(seen.damaged, [], "{length}");
        let expected: Vec<_> = torn
            .map(|begin| (*begin as u64, (length - begin) as u64))
            .into_iter()
            .collect();
        assert_eq!(seen.torn, expected, "{length}");
    }
}

/// Scenario: one bit of a segment is flipped, each in turn. Guarantees: every other entry is read; the damaged one is told
/// at its place and never read as something else.
#[test]
fn a_flipped_bit_anywhere() {
    let (bytes, begins) = framed(&[letter(1), letter(2), letter(3)]);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            let hit = begins.partition_point(|begin| *begin <= index);
            let is_line_end = bytes[index] == b'\n';
            let seen = see(&flipped);
            let expected: Vec<i64> = (1..=3)
                .filter(|number| is_line_end || *number as usize != hit)
                .collect();
            assert_eq!(seen.letters, expected, "byte {index} bit {bit}");
            let told: Vec<_> = seen.damaged.iter().chain(&seen.torn).collect();
            let first = if is_line_end { index } else { begins[hit - 1] };
            assert_eq!(told[0].0, first as u64, "byte {index} bit {bit}");
        }
    }
}

/// Scenario: files of an earlier version and of this one, a line that is none between, one that is still being written.
/// Guarantees: everything is handed on in order with its place; other files are left alone; a letter can be read by place.
#[test]
fn a_directory_in_order() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, content: &[u8]| {
        fs::write(directory.path().join(name), content).expect("it is writable");
    };
    let mut plain = Vec::new();
    line::append(&letter(1), &mut plain);
    let second = plain.len() as u64 + 5;
    plain.extend_from_slice(b"torn\n");
    line::append(&letter(2), &mut plain);
    plain.extend_from_slice(b"{\"event");
    write("2026-02-01.jsonl", &plain);
    write("20260131T000000000.letters", &framed(&[letter(3)]).0);
    write("20260202T000000000.letters", &framed(&[letter(4), letter(5)]).0);
    write("lock", b"");
    write("done.marks", b"whatever");
    let mut found = Vec::new();
    read(directory.path(), &mut |it| {
        found.push(match it {
            Found::Entry(entry) => {
                let again = read_at(&entry.path, entry.id.offset, entry.length).expect("it is there");
                assert_eq!((&again.json, again.crc32), (&entry.json, entry.crc32));
                format!("{} {}", entry.id, entry.letter.sequence_number)
            }
            Found::Damaged(it) => format!("damaged {}", it.offset),
            Found::Torn(it) => format!("torn {} {}", it.offset, it.bytes),
        });
        true
    })
    .expect("the directory can be read");
    let fifth = framed(&[letter(4)]).0.len();
    assert_eq!(
        found,
        [
            "2026-02-01-0 1".to_owned(),
            format!("damaged {}", second - 5),
            format!("2026-02-01-{second} 2"),
            format!("torn {} 7", plain.len() - 7),
            "20260131T000000000-0 3".to_owned(),
            "20260202T000000000-0 4".to_owned(),
            format!("20260202T000000000-{fifth} 5"),
        ]
    );
}

#[test]
fn a_letter_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("20260202T000000000.letters");
    fs::write(&path, framed(&[letter(4)]).0).expect("it is writable");
    read_at(&path, 1, 20).expect_err("no entry begins there");
    read_at(&path, 0, 9_999).expect_err("the file is shorter");
}

fn any_letter() -> impl Strategy<Value = DeadLetter> {
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Content::Body(bytes.into())),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Content::Rendered(bytes.into())),
        Just(Content::Nothing),
    ];
    (
        any::<i64>(),
        any::<String>(),
        proptest::option::of(any::<String>()),
        content,
    )
        .prop_map(|(number, detail, key, content)| DeadLetter {
            detail,
            key: key.map(Into::into),
            content,
            ..letter(number)
        })
}

proptest! {
    /// What is written, in any number of batches and with a reopening between, is what is read.
    #[test]
    fn written_reopened_and_read(batches in proptest::collection::vec(proptest::collection::vec(any_letter(), 1..4), 1..6)) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut written = Vec::new();
        for batch in &batches {
            let now = Timestamp::from_millis(1_700_000_000_000);
            let names = file_names(directory.path()).expect("it can be listed");
            let mut segment = segment::Segment::begin(directory.path(), names.last().map(String::as_str), now)
                .expect("it can be made");
            segment.append(&framed(batch).0).expect("it can be written");
            for letter in batch {
                let mut json = Vec::new();
                line::write(letter, &mut json);
                written.push(json);
            }
        }
        let mut found = Vec::new();
        read(directory.path(), &mut |it| {
            match it {
                Found::Entry(entry) => found.push(entry.json),
                other => panic!("{other:?}"),
            }
            true
        })
        .expect("it can be read");
        prop_assert_eq!(found, written);
    }
}
