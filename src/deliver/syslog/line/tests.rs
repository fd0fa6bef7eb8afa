use super::*;
use crate::config::ByteSize;
use crate::deliver::syslog::format::Facility;
use crate::deliver::syslog::line_settings::LineOptions;
use crate::event::{Details, EventId, Hub, Kind, PartitionId, SequenceNumber};

const OPTIONS: LineOptions<'static> = LineOptions {
    format: Format::Rfc5424,
    facility: Facility::Local0,
    hostname: "bridge.contoso.com",
    app_name: "hub2siem",
    time_zone: None,
    message_limit: ByteSize(8_000),
    oversize: None,
};

const OLDER: LineOptions<'static> = LineOptions {
    format: Format::Rfc3164,
    ..OPTIONS
};

/// 2024-08-06T11:33:45.678Z.
const MOMENT: i64 = 1_722_944_025_678;

fn about(millis: i64, severity: Option<&str>) -> About {
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let time = crate::event::Timestamp::from_millis(millis);
    About {
        kind: Kind::RegulatoryComplianceAssessment,
        index: 0,
        event_id: EventId::new(&hub, &PartitionId::new("0"), SequenceNumber(1), time, 0),
        key: None,
        time,
        is_snapshot: false,
        mapping_revision: None,
        details: severity.map(|severity| {
            Box::new(Details {
                severity: Some(severity.into()),
                ..Details::default()
            })
        }),
    }
}

fn line(options: LineOptions<'_>, text: &str, about: &About) -> Result<(String, Fit), TooLong> {
    let settings = LineSettings::new(options).expect("the options are valid");
    let mut output = b"before".to_vec();
    let result = settings.encode(text.as_bytes(), about, &mut output);
    let output = String::from_utf8(output).expect("it is text");
    let line = output
        .strip_prefix("before")
        .expect("what was there stays")
        .to_owned();
    if result.is_err() {
        assert_eq!(line, "", "nothing is left of what does not fit");
    }
    Ok((line, result?))
}

#[test]
fn headers() {
    let cases = [
        (
            OPTIONS,
            MOMENT,
            Some("High"),
            "<131>1 2024-08-06T11:33:45.678Z bridge.contoso.com hub2siem - regulatory_compliance_assessment - text",
        ),
        (
            LineOptions {
                app_name: "",
                facility: Facility::Kern,
                ..OPTIONS
            },
            253_402_300_800_000,
            Some("Critical"),
            "<2>1 - bridge.contoso.com - - regulatory_compliance_assessment - text",
        ),
        (
            OLDER,
            MOMENT,
            None,
            "<133>Aug  6 11:33:45 bridge.contoso.com hub2siem: text",
        ),
        (
            LineOptions {
                app_name: "",
                time_zone: Some("+05:30"),
                ..OLDER
            },
            MOMENT + 10 * 86_400_000,
            Some("Informational"),
            "<134>Aug 16 17:03:45 bridge.contoso.com text",
        ),
        (
            LineOptions {
                time_zone: Some("-01:00"),
                ..OLDER
            },
            1_704_067_200_000,
            None,
            "<133>Dec 31 23:00:00 bridge.contoso.com hub2siem: text",
        ),
        (
            OLDER,
            i64::MAX,
            None,
            "<133>Jan  1 00:00:00 bridge.contoso.com hub2siem: text",
        ),
    ];
    for (options, millis, severity, expected) in cases {
        let found = line(options, "text", &about(millis, severity));
        assert_eq!(found, Ok((expected.to_owned(), Fit::Whole)));
    }
}

#[test]
fn texts_stay_whole_on_one_line() {
    let header = "<133>Aug  6 11:33:45 bridge.contoso.com hub2siem: ";
    let cases = [
        (
            "CEF:0|M|D|1|c|n|8|msg=gr\u{fc}\u{df}e",
            "CEF:0|M|D|1|c|n|8|msg=gr\u{fc}\u{df}e",
        ),
        ("{\n\t\"a\": \"x\\ny\"\r\n}", "{  \"a\": \"x\\ny\"  }"),
        ("LEEF:2.0|M|D|1|e|^|a=b^c=d", "LEEF:2.0|M|D|1|e|^|a=b^c=d"),
    ];
    for (text, expected) in cases {
        let found = line(OLDER, text, &about(MOMENT, None));
        assert_eq!(found, Ok((format!("{header}{expected}"), Fit::Whole)));
    }
}

/// Scenario: lines of each format at the limit, one byte above and far above it, under each policy.
/// Guarantees: no line is longer than the limit; JSON is never shortened; CEF and LEEF are, unless that is forbidden; what
/// cannot be shortened enough is refused with both numbers.
#[test]
fn the_limit_counts_bytes_of_the_whole_line() {
    let about = about(MOMENT, None);
    let header = "<133>Aug  6 11:33:45 bridge.contoso.com hub2siem: ".len();
    let limit = 500;
    let options = |oversize| LineOptions {
        message_limit: ByteSize(limit as u64),
        oversize,
        ..OLDER
    };
    let json = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let fits = json(limit - header);
    let found = line(options(None), &fits, &about).expect("it fits");
    assert_eq!((found.0.len(), found.1), (limit, Fit::Whole));
    for oversize in [None, Some(Oversize::DeadLetter)] {
        let found = line(options(oversize), &json(limit - header + 1), &about);
        let length = limit + 1;
        assert_eq!(found, Err(TooLong { length, limit }), "{oversize:?}");
    }
    let message = "\u{fc}".repeat(400);
    for text in [
        format!("CEF:0|M|D|1|c|n|8|act=a msg={message} cs1={message}"),
        format!("LEEF:2.0|M|D|1|e|^|act=a^description={message}^status={message}"),
    ] {
        for oversize in [None, Some(Oversize::Truncate)] {
            let (found, fit) = line(options(oversize), &text, &about).expect("it is shortened");
            assert!(found.len() <= limit && fit == Fit::Shortened, "{found}");
            assert!(
                found.contains("act=a") && found.ends_with("truncated=true"),
                "{found}"
            );
        }
        let found = line(options(Some(Oversize::DeadLetter)), &text, &about);
        let length = header + text.len();
        assert_eq!(found, Err(TooLong { length, limit }));
    }
    let long_header = format!("CEF:0|M|D|1|c|{}|8|act=a", "n".repeat(500));
    let length = header + long_header.len();
    assert_eq!(
        line(options(None), &long_header, &about),
        Err(TooLong { length, limit })
    );
}
