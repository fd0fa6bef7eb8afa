//! What is sent: items whose kind, key and bytes are known here, and bodies made of them.

use bytes::Bytes;
use hub2siem::emulator::event_hub::Body;
use rand::Rng;
use rand::rngs::StdRng;

/// One record as the oracle expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The word for its kind; `undecodable` for what is no JSON.
    pub kind: &'static str,
    pub key: Option<String>,
    /// The record's own bytes, or the whole body where it cannot be decoded.
    pub bytes: Bytes,
    pub is_snapshot: bool,
}

/// An event to be sent.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub body: Body,
    /// Its records in order; none for an event that the AMQP library refuses.
    pub items: Vec<Item>,
    /// Whether the AMQP library refuses it.
    pub is_unreadable: bool,
}

/// Ways in which bytes of a record are special: a parser that writes them anew would change them.
const ODDITIES: [&str; 4] = [
    "",
    r#","odd":123456789012345678901234567890.10"#,
    r#", "odd" : "\u00e4\/" , "odd" : 1.0e+2"#,
    ",\"odd\":\"\u{1F9EA} a \\\" b\"",
];

pub fn alert(number: u64) -> Item {
    item(
        "alert",
        format!("item-{number}"),
        format!(
            r#"{{"SystemAlertId":"item-{number}","AlertType":"VM_Test","AlertDisplayName":"A test","Severity":"High","TimeGenerated":"2026-06-07T08:09:10Z""#
        ),
        number,
    )
}

pub fn assessment(number: u64) -> Item {
    posture("assessment", "assessments", number, false)
}

pub fn snapshot(number: u64) -> Item {
    posture("assessment", "assessments", number, true)
}

/// An assessment that is met again and again, in one of several states.
pub fn version(number: u64, state: u32, action: &str, is_snapshot: bool) -> Item {
    let id = format!("/subscriptions/1/providers/Microsoft.Security/assessments/version-{number}");
    let text = format!(
        r#"{{"id":"{id}","name":"version-{number}","type":"Microsoft.Security/assessments","properties":{{"status":{{"code":"{state}"}}}},"securityEventDataEnrichment":{{"action":"{action}","isSnapshot":{is_snapshot}}}}}"#
    );
    Item {
        kind: "assessment",
        key: Some(id.to_lowercase()),
        bytes: text.into(),
        is_snapshot,
    }
}

pub fn secure_score(number: u64) -> Item {
    posture("secure_score", "secureScores", number, false)
}

pub fn unknown(number: u64) -> Item {
    Item {
        kind: "unknown",
        key: None,
        bytes: format!(r#"{{"number":{number},"shape":"new"}}"#).into(),
        is_snapshot: false,
    }
}

fn posture(kind: &'static str, segment: &str, number: u64, is_snapshot: bool) -> Item {
    let id = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Security/{segment}/item-{number}"
    );
    let start = format!(
        r#"{{"id":"{id}","name":"item-{number}","type":"Microsoft.Security/{segment}","properties":{{"displayName":"A test"}},"securityEventDataEnrichment":{{"action":"Insert","isSnapshot":{is_snapshot}}}"#
    );
    Item {
        is_snapshot,
        ..item(kind, id.to_lowercase(), start, number)
    }
}

fn item(kind: &'static str, key: String, start: String, number: u64) -> Item {
    let oddity = ODDITIES[(number % ODDITIES.len() as u64) as usize];
    Item {
        kind,
        key: Some(key),
        bytes: format!("{start}{oddity}}}").into(),
        is_snapshot: false,
    }
}

/// An event of one record.
pub fn single(item: Item) -> Parcel {
    Parcel {
        body: Body::Data(item.bytes.clone()),
        items: vec![item],
        is_unreadable: false,
    }
}

/// An event of several records, as one list.
pub fn list(items: Vec<Item>) -> Parcel {
    framed("[", ",", "]", items)
}

/// An event whose whole body is no record.
pub fn undecodable(bytes: impl Into<Bytes>) -> Parcel {
    let bytes = bytes.into();
    Parcel {
        body: Body::Data(bytes.clone()),
        items: vec![garbage(bytes)],
        is_unreadable: false,
    }
}

/// An event that the AMQP library refuses: its body section is longer than the message.
pub fn unreadable() -> Parcel {
    Parcel {
        body: Body::Encoded(Bytes::from_static(&[
            0x00, 0x53, 0x75, 0xb0, 0xff, 0xff, 0xff, 0xff,
        ])),
        items: Vec::new(),
        is_unreadable: true,
    }
}

fn garbage(bytes: Bytes) -> Item {
    Item {
        kind: "undecodable",
        key: None,
        bytes,
        is_snapshot: false,
    }
}

fn framed(before: &str, between: &str, after: &str, items: Vec<Item>) -> Parcel {
    let mut body = before.as_bytes().to_vec();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.extend_from_slice(between.as_bytes());
        }
        body.extend_from_slice(&item.bytes);
    }
    body.extend_from_slice(after.as_bytes());
    Parcel {
        body: Body::Data(body.into()),
        items,
        is_unreadable: false,
    }
}

/// Any item; `next` gives its number.
pub fn any_item(random: &mut StdRng, next: &mut u64) -> Item {
    *next += 1;
    match random.random_range(0..10) {
        0..4 => alert(*next),
        4..6 => assessment(*next),
        6 => snapshot(*next),
        7 | 8 => secure_score(*next),
        _ => unknown(*next),
    }
}

/// Any event: mostly one record, sometimes several, sometimes poison.
pub fn any_parcel(random: &mut StdRng, next: &mut u64) -> Parcel {
    match random.random_range(0..20) {
        0..10 => single(any_item(random, next)),
        10..13 => list(several(random, next)),
        13 => framed("{\"records\": [", " ,\n", "]}", several(random, next)),
        14 => framed("\u{feff}", "\r\n", "\n", several(random, next)),
        15 => {
            // The bytes of a string value, and of a body in sections, are those of the record all the same.
            let item = any_item(random, next);
            let middle = item.bytes.len() / 2;
            let body = match random.random_bool(0.5) {
                true => Body::Text(String::from_utf8(item.bytes.to_vec()).expect("items are text")),
                false => Body::Sections(vec![item.bytes.slice(..middle), item.bytes.slice(middle..)]),
            };
            Parcel { body, ..single(item) }
        }
        16 => {
            // Good records before what is none.
            let mut parcel = framed("", " ", " } and no more", several(random, next));
            if let Body::Data(bytes) = &parcel.body {
                parcel.items.push(garbage(bytes.clone()));
            }
            parcel
        }
        17 => list(Vec::new()),
        18 => unreadable(),
        _ => undecodable(poison(random)),
    }
}

fn several(random: &mut StdRng, next: &mut u64) -> Vec<Item> {
    let count = random.random_range(2..5);
    (0..count).map(|_| any_item(random, next)).collect()
}

fn poison(random: &mut impl Rng) -> Bytes {
    match random.random_range(0..5) {
        0 => Bytes::new(),
        1 => Bytes::from(vec![b'['; 20_000]),
        2 => Bytes::from_static(b"{\"text\":\"\xff\xfe\"}"),
        3 => Bytes::from_static(b"{\"cut\":"),
        _ => Bytes::from(vec![b'x'; 300_000]),
    }
}
