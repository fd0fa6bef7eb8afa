use proptest::prelude::*;

use super::*;

fn frame(number: u32, command: &'static str, data: &'static str) -> Frame<'static> {
    Frame {
        number: Number(number),
        command,
        data: data.as_bytes(),
    }
}

#[test]
fn reads_whole_frames() {
    let cases = [
        ("2 rsp 6 200 OK\n", frame(2, "rsp", "200 OK"), 15),
        ("3 rsp 0\n", frame(3, "rsp", ""), 8),
        ("3 rsp 0 \n", frame(3, "rsp", ""), 9),
        ("0 serverclose 0\n2 rsp", frame(0, "serverclose", ""), 16),
        ("999999999 rsp 3 a\nb\n", frame(999_999_999, "rsp", "a\nb"), 20),
        ("007 rsp 1 x\n", frame(7, "rsp", "x"), 12),
    ];
    for (text, expected, taken) in cases {
        assert_eq!(parse(text.as_bytes()), Ok(Some((expected, taken))), "{text:?}");
        for length in 0..taken {
            let part = &text.as_bytes()[..length];
            assert_eq!(parse(part), Ok(None), "{}", part.escape_ascii());
        }
    }
}

#[test]
fn refuses_what_is_no_frame() {
    let digits = |part| Error::Digits { part };
    let cases = [
        (" rsp 0\n", digits("number")),
        ("\n", digits("number")),
        ("-1 rsp 0\n", digits("number")),
        ("1000000000", digits("number")),
        ("x", digits("number")),
        ("HTTP/1.1 400 Bad Request\r\n", digits("number")),
        ("1\trsp 0\n", digits("number")),
        ("1  0\n", Error::Command),
        ("1 r-p 0\n", Error::Command),
        ("1 abcdefghijklmnopqrstuvwxyzabcdefg", Error::Command),
        ("1 rsp -1 x\n", digits("length")),
        ("1 rsp  x\n", digits("length")),
        ("1 rsp 1x\n", digits("length")),
        ("1 rsp 9999999999", digits("length")),
        ("1 rsp 131073 ", Error::Length { length: 131_073 }),
        ("1 rsp 999999999 ", Error::Length { length: 999_999_999 }),
        ("1 rsp 5\n", Error::End),
        ("1 rsp 1 xy", Error::End),
        ("1 rsp 0 x", Error::End),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text.as_bytes()), Err(expected), "{text:?}");
    }
}

#[test]
fn numbers_begin_again_after_the_last() {
    assert_eq!(Number::FIRST.next(), Number(2));
    assert_eq!(Number::LAST.next(), Number::FIRST);
}

#[test]
fn an_empty_frame_has_no_space_at_its_end() {
    let mut output = Vec::new();
    append(Number(7), "close", b"", &mut output);
    append(Number::LAST, "syslog", b"<14>1 - \n", &mut output);
    assert_eq!(output, b"7 close 0\n999999999 syslog 9 <14>1 - \n\n");
}

proptest! {
    /// What was appended is read back, frame by frame, wherever the bytes are cut on their way.
    #[test]
    fn frames_survive_their_way(
        frames in prop::collection::vec(
            (1..=999_999_999_u32, "[a-z]{1,32}", prop::collection::vec(any::<u8>(), 0..300)),
            1..8,
        ),
        chunk in 1..200_usize,
    ) {
        let mut output = Vec::new();
        for (number, command, data) in &frames {
            append(Number(*number), command, data, &mut output);
        }
        let mut received: Vec<u8> = Vec::new();
        let mut expected = frames.iter();
        for part in output.chunks(chunk) {
            received.extend_from_slice(part);
            while let Some((frame, taken)) = parse(&received).expect("these are frames") {
                let (number, command, data) = expected.next().expect("no frame comes twice");
                prop_assert_eq!(frame, Frame { number: Number(*number), command, data });
                received.drain(..taken);
            }
        }
        prop_assert!(expected.next().is_none() && received.is_empty());
    }

    /// Whatever comes, reading ends: with a frame that lies within the bytes, with a refusal, or with the wish for more,
    /// which can last no longer than the largest frame.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in hostile()) {
        match parse(&bytes) {
            Ok(Some((frame, taken))) => {
                prop_assert!(taken <= bytes.len() && bytes[taken - 1] == b'\n');
                prop_assert!(frame.data.len() <= MAX_DATA_BYTES);
            }
            Ok(None) => {
                prop_assert!(bytes.len() <= MAX_DATA_BYTES + 2 * MAX_DIGITS + MAX_COMMAND_BYTES + 3);
            }
            Err(_) => {
                let mut more = bytes.clone();
                more.extend_from_slice(b"0 serverclose 0\n");
                prop_assert!(parse(&more).is_err(), "more bytes mend nothing");
            }
        }
    }
}

/// Bytes that look like frames, with every part gone wrong at times.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof!["[0-9]{0,12}", "[-+ a0-9]{0,4}", "[0-9]{20}"];
    let command = prop_oneof![
        Just("rsp".to_owned()),
        Just("serverclose".to_owned()),
        "[a-zA-Z ]{0,40}"
    ];
    let length = prop_oneof![
        "[0-9]{0,7}",
        "-?[0-9]{8,20}",
        Just("131072".to_owned()),
        Just("131073".to_owned())
    ];
    let space = prop_oneof![9 => Just(" "), 1 => Just(""), 1 => Just("\n")];
    let data = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 131_000..131_200)
    ];
    (number, space.clone(), command, space.clone(), length, space, data).prop_map(
        |(number, first, command, second, length, third, data)| {
            let mut bytes = format!("{number}{first}{command}{second}{length}{third}").into_bytes();
            bytes.extend(data);
            bytes
        },
    )
}
