//! Bodies that hurt.

use std::collections::HashMap;
use std::path::Path;

use super::harness::{Bridge, LATER, Receiver, SOON, Settings, TOKEN, wait_for};
use super::ledger::{Tail, checkpoints, dead_letters};
use hub2siem::emulator::event_hub::{EventHubEmulator, Options};

/// Number beyond every native type; it must arrive digit by digit.
const LONG_NUMBER: &str = "123456789012345678901234567890";

/// Where a body must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the receiver, as so many records.
    Delivered(usize),
    /// In the dead letters, as one undecodable record.
    Undecodable,
    /// At the receiver or, refused for its size, in the dead letters.
    Either,
}

fn bodies() -> Vec<(&'static str, Vec<u8>, End)> {
    let nested = |depth: usize| "[".repeat(depth - 1) + "{}" + &"]".repeat(depth - 1);
    let about = |display: &str| {
        format!(
            r#"{{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{{"displayName":{display}}}}}"#
        )
        .into_bytes()
    };
    let mut not_utf8 = about("\"caf?\"");
    let question = not_utf8
        .iter()
        .position(|byte| *byte == b'?')
        .expect("just written");
    not_utf8[question] = 0xE9;
    let utf16: Vec<u8> = "{\"id\":\"wide\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    vec![
        (
            "20,000 open brackets",
            "[".repeat(20_000).into_bytes(),
            End::Undecodable,
        ),
        ("20,000 levels", nested(20_000).into_bytes(), End::Undecodable),
        (
            "20,000 levels below a record",
            about(&nested(20_000)),
            End::Undecodable,
        ),
        (
            "20,000 braces",
            r#"{"a":"#.repeat(20_000).into_bytes(),
            End::Undecodable,
        ),
        (
            "20 MB of text",
            about(&format!("\"{}\"", "long ".repeat(4_000_000))),
            End::Either,
        ),
        (
            "20 MB that are no JSON",
            "long ".repeat(4_000_000).into_bytes(),
            End::Undecodable,
        ),
        ("a byte that is no UTF-8", not_utf8, End::Undecodable),
        ("a number of 30 digits", about(LONG_NUMBER), End::Delivered(1)),
        ("an exponent beyond every type", about("1e99999"), End::Either),
        ("no bytes", Vec::new(), End::Undecodable),
        ("white space", b" \n\t ".to_vec(), End::Undecodable),
        ("an empty list", b"[]".to_vec(), End::Delivered(0)),
        ("no records", br#"{"records":[]}"#.to_vec(), End::Delivered(0)),
        ("null", b"null".to_vec(), End::Delivered(1)),
        ("a number", b"42".to_vec(), End::Delivered(1)),
        ("a text", b"\"text\"".to_vec(), End::Delivered(1)),
        ("half a surrogate pair", about(r#""\ud800""#), End::Either),
        (
            "control characters in escapes",
            about(r#""\u0000\u0007\u001b[31m""#),
            End::Delivered(1),
        ),
        ("a raw control character", about("\"\u{1}\""), End::Undecodable),
        ("UTF-16", utf16, End::Undecodable),
        (
            "three records and a rest",
            [about("1"), about("2"), about("3"), b"{\"id".to_vec()].concat(),
            End::Delivered(3),
        ),
    ]
}

/// Scenario: one partition with bodies made to crash, to loop or to vanish, between good ones; then a restart.
/// Guarantees: the process lives and is ready, every body is accounted for where it belongs, once; a long number
/// arrives unchanged; the stored position passes them all, so that the restart meets none again.
#[tokio::test(flavor = "multi_thread")]
async fn poison_is_accounted_for() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let mut options = Options::new("defender", 1);
    options.max_message_size = 64 << 20;
    let hub = EventHubEmulator::start(options).await.expect("a free port");
    let bodies = bodies();
    for (_, body, _) in &bodies {
        hub.append(0, body.clone());
    }
    let last = hub.append(
        0,
        br#"{"SystemAlertId":"end","AlertType":"VM_Test","Severity":"Low"}"#.to_vec(),
    );
    let connection_string = hub.connection_string();
    tokio::task::block_in_place(|| {
        run(directory, &connection_string, &bodies, last.0, || {
            hub.append(0, b"7".to_vec());
        });
    });
    hub.shutdown().await;
}

fn run(
    directory: &Path,
    connection_string: &str,
    bodies: &[(&str, Vec<u8>, End)],
    last: i64,
    append: impl FnOnce(),
) {
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let mut settings = Settings::new(connection_string, receiver.address);
    settings.mapping = "native";
    let mut seen = Seen {
        tail: Tail::new(&receiver.events),
        delivered: HashMap::new(),
        text: String::new(),
    };

    let mut bridge = Bridge::start(directory, "bridge-1", &settings);
    wait_for("the stored position behind the last body", LATER, || {
        assert!(bridge.process.is_running(), "the bridge crashed");
        (checkpoints(directory).get(&0) == Some(&last)).then_some(())
    });
    wait_for("readiness", SOON, || {
        bridge.ready().filter(|(status, _)| *status == 200)
    });
    bridge.process.stop();

    seen.refresh();
    let buried = buried(directory);
    for (sequence, (what, _, end)) in bodies.iter().enumerate() {
        let sequence = sequence as i64;
        let delivered = seen.delivered.get(&sequence).copied().unwrap_or(0);
        let reasons = buried.get(&sequence).map_or(&[][..], Vec::as_slice);
        let kept = match end {
            End::Delivered(records) => {
                delivered == *records && reasons.len() == usize::from(what.contains("rest"))
            }
            End::Undecodable => delivered == 0 && reasons == ["undecodable"],
            End::Either => delivered + reasons.len() == 1,
        };
        assert!(
            kept,
            "{what}: expected {end:?}, found {delivered} records delivered and dead letters {reasons:?}"
        );
    }
    assert_eq!(seen.delivered.get(&last), Some(&1), "the alert behind the poison");
    assert!(seen.text.contains(LONG_NUMBER), "the long number was changed");

    let before = seen.total();
    append();
    let bridge = Bridge::start(directory, "bridge-2", &settings);
    wait_for("the event after the restart", SOON, || {
        seen.refresh();
        seen.delivered.contains_key(&(last + 1)).then_some(())
    });
    bridge.process.stop();
    seen.refresh();
    assert_eq!(seen.total(), before + 1, "the restart sent something again");
}

/// What arrived, by sequence number.
struct Seen {
    tail: Tail,
    delivered: HashMap<i64, usize>,
    /// The whole output.
    text: String,
}

impl Seen {
    fn refresh(&mut self) {
        self.tail.read(|line| {
            let number = sequence_number(line).expect("`native` names the event");
            *self.delivered.entry(number).or_default() += 1;
        });
        self.text = std::fs::read_to_string(&self.tail.path).expect("the output is UTF-8");
    }

    fn total(&self) -> usize {
        self.delivered.values().sum()
    }
}

/// `hub.sequence_number`, which `native` writes before the record. Not parsed: not every number below fits a type.
fn sequence_number(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once("\"sequence_number\":")?;
    rest.split([',', '}']).next()?.parse().ok()
}

/// The kinds of the dead letters, by sequence number.
fn buried(directory: &Path) -> HashMap<i64, Vec<String>> {
    let mut buried: HashMap<i64, Vec<String>> = HashMap::new();
    for letter in dead_letters(directory) {
        let number = letter["sequence_number"].as_i64().expect("a number");
        let kind = letter["kind"].as_str().expect("a kind").to_owned();
        buried.entry(number).or_default().push(kind);
    }
    buried
}
