use std::time::Duration;

use proptest::prelude::*;

use super::*;

const OFFERS: &str =
    "200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog";

/// The answer to the frame with this number.
fn answer(number: u32, text: &str) -> String {
    format!("{number} rsp {} {text}\n", text.len())
}

/// A session whose `open` was answered, and what it wrote since.
fn opened(now: Instant) -> (Session<u32>, Vec<u8>) {
    let mut output = Vec::new();
    let mut session = Session::open(&mut output, now);
    let event = hear(&mut session, &answer(1, OFFERS), now).expect("it is an answer");
    let software = "librelp,1.11.0,http://librelp.adiscon.com".to_owned();
    assert_eq!(event, [Event::Opened { software }]);
    output.clear();
    (session, output)
}

/// Everything that whole frames in `input` say.
fn hear(session: &mut Session<u32>, input: &str, now: Instant) -> Result<Vec<Event<u32>>, Error> {
    let mut rest = input.as_bytes();
    let mut events = Vec::new();
    while let Some((event, taken)) = session.receive(rest, now)? {
        events.push(event);
        rest = &rest[taken..];
    }
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    Ok(events)
}

fn taken(message: u32, sent: Instant) -> Event<u32> {
    Event::Taken { message, sent }
}

#[test]
fn begins_with_an_offer() {
    let mut output = Vec::new();
    let session = Session::<u32>::open(&mut output, Instant::now());
    let text = String::from_utf8(output).expect("it is text");
    let (head, offers) = text.split_once("relp_version=0\n").expect("it offers a version");
    assert_eq!(head, format!("1 open {} ", text.len() - head.len() - 1));
    assert!(offers.starts_with("relp_software=hub2siem,") && offers.ends_with("\ncommands=syslog\n"));
    assert!(!session.is_open());
}

#[test]
fn each_answer_is_about_one_message() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let (mut session, mut output) = opened(now);
    for message in 10..14 {
        session.send(message, b"<14>x", &mut output, now);
    }
    assert!(output.starts_with(b"2 syslog 5 <14>x\n3 syslog 5 <14>x\n"));
    let answers = "2 rsp 6 200 OK\n3 rsp 10 500 not it\n4 rsp 6 200 OK\n";
    let refused = Event::Refused {
        message: 11,
        text: "500 not it".to_owned(),
    };
    assert_eq!(
        hear(&mut session, answers, later),
        Ok(vec![taken(10, now), refused, taken(12, now)])
    );
    assert_eq!(session.unanswered(), 1);
    assert_eq!(session.into_unanswered().collect::<Vec<_>>(), [13]);
}

#[test]
fn numbers_begin_again_within_a_session() {
    let now = Instant::now();
    let (mut session, mut output) = opened(now);
    session.next = Number::LAST;
    for message in 0..3 {
        session.send(message, b"x", &mut output, now);
    }
    assert_eq!(output, b"999999999 syslog 1 x\n1 syslog 1 x\n2 syslog 1 x\n");
    let answers = "999999999 rsp 6 200 OK\n1 rsp 6 200 OK\n2 rsp 6 200 OK\n";
    let all = (0..3).map(|message| taken(message, now)).collect();
    assert_eq!(hear(&mut session, answers, now), Ok(all));
    session.close(&mut output, now);
    assert!(output.ends_with(b"3 close 0\n"));
}

#[test]
fn waits_only_while_an_answer_is_owed() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut output = Vec::new();
    let mut session = Session::open(&mut output, start);
    assert_eq!(session.waits_since(), Some(start));
    hear(&mut session, &answer(1, OFFERS), at(1)).expect("it is an answer");
    assert_eq!(session.waits_since(), None);
    session.send(1, b"x", &mut output, at(50));
    session.send(2, b"x", &mut output, at(60));
    assert_eq!(session.waits_since(), Some(at(50)));
    hear(&mut session, "2 rsp 6 200 OK\n", at(70)).expect("it is an answer");
    assert_eq!(session.waits_since(), Some(at(70)), "it is heard of");
    hear(&mut session, "3 rsp 6 200 OK\n", at(71)).expect("it is an answer");
    assert_eq!(session.waits_since(), None);
    session.close(&mut output, at(80));
    assert_eq!(session.waits_since(), Some(at(80)));
}

#[test]
fn ends_in_either_way() {
    let now = Instant::now();
    let (mut session, mut output) = opened(now);
    session.close(&mut output, now);
    assert_eq!(
        hear(&mut session, "2 rsp 0\n0 serverclose 0\n", now),
        Ok(vec![Event::Closed, Event::ServerClosed])
    );
    let (mut session, _) = opened(now);
    assert_eq!(
        hear(&mut session, "0 serverclose 0\n", now),
        Ok(vec![Event::ServerClosed])
    );
}

#[test]
fn opens_only_where_lines_are_taken() {
    let now = Instant::now();
    let cases = [
        (
            "200 OK\ncommands=eventlog, x",
            "the receiver does not offer the command `syslog`",
        ),
        ("500 what", "500 what"),
    ];
    for (text, expected) in cases {
        let mut session = Session::open(&mut Vec::new(), now);
        let events = hear(&mut session, &answer(1, text), now);
        let text = expected.to_owned();
        assert_eq!(events, Ok(vec![Event::NotOpened { text }]));
        assert!(!session.is_open());
    }
}

#[test]
fn what_no_receiver_says_is_an_error() {
    let now = Instant::now();
    let unknown = |number: &str| Error::UnknownNumber {
        number: number.to_owned(),
    };
    let unreadable = |text: &str| Error::UnreadableAnswer {
        text: text.to_owned(),
    };
    let cases = [
        ("3 rsp 6 200 OK\n", unknown("3")),
        ("1 rsp 6 200 OK\n", unknown("1")),
        ("0 rsp 6 200 OK\n", unknown("0")),
        ("2 rsp 0\n", unreadable("")),
        ("2 rsp 2 OK\n", unreadable("OK")),
        (
            "2 hello 0\n",
            Error::UnknownCommand {
                command: "hello".to_owned(),
            },
        ),
        ("x", Error::Frame(frame::Error::Digits { part: "number" })),
    ];
    for (input, expected) in cases {
        let (mut session, mut output) = opened(now);
        session.send(7, b"x", &mut output, now);
        assert_eq!(hear(&mut session, input, now), Err(expected), "{input}");
        assert_eq!(
            session.into_unanswered().collect::<Vec<_>>(),
            [7],
            "the message is still there"
        );
    }
}

/// What a receiver may say, right or wrong.
fn said() -> impl Strategy<Value = String> {
    let number = prop_oneof![8 => 1..12_u32, 1 => Just(0), 1 => any::<u32>()];
    let text = prop_oneof![
        6 => Just("200 OK"),
        2 => Just("500 not it"),
        1 => Just("OK"),
        1 => Just("200 OK\ncommands=syslog"),
    ];
    prop_oneof![
        12 => (number, text).prop_map(|(number, text)| answer(number, text)),
        1 => Just("0 serverclose 0\n".to_owned()),
        1 => Just("5 rsp 0\n".to_owned()),
        1 => "[0-9a-z \n]{0,12}",
    ]
}

proptest! {
    /// Whatever the receiver says, and however it is cut on its way: each message comes back once, as taken, as refused, or
    /// as not answered; the last ones in the order in which they were sent.
    #[test]
    fn no_message_is_lost_or_doubled(
        said in prop::collection::vec(said(), 0..30),
        messages in 0..10_u32,
        is_closing in any::<bool>(),
        chunk in 1..40_usize,
    ) {
        let now = Instant::now();
        let (mut session, mut output) = opened(now);
        for message in 0..messages {
            session.send(message, b"x", &mut output, now);
        }
        if is_closing {
            session.close(&mut output, now);
        }
        let mut back = Vec::new();
        let mut received: Vec<u8> = Vec::new();
        'all: for part in said.concat().as_bytes().chunks(chunk) {
            received.extend_from_slice(part);
            loop {
                match session.receive(&received, now) {
                    Ok(Some((event, length))) => {
                        received.drain(..length);
                        if let Event::Taken { message, .. } | Event::Refused { message, .. } = event {
                            back.push(message);
                        }
                    }
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
            }
        }
        let unanswered: Vec<_> = session.into_unanswered().collect();
        prop_assert!(unanswered.is_sorted());
        back.extend(unanswered);
        back.sort_unstable();
        prop_assert_eq!(back, Vec::from_iter(0..messages));
    }
}
