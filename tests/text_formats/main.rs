//! Records through whole maps into CEF and LEEF, read again by small parsers that share nothing with the program, and
//! CEF by a published one.

mod cef_parser;
mod engine;
mod leef_parser;
mod published;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use engine::{CEF, Engine, LEEF};
use proptest::prelude::*;

static CEF_ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(CEF));
static LEEF_ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(LEEF));

/// Texts with everything that means something in one of the formats, and what does not belong on a line.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[|=\\\\^ \n\r\t]{1,3}",
        "[a-zA-Z0-9]{1,5}",
        "(cs1|msg|src)=",
        "[äß漢\u{1F600}\u{a0}\u{2028}\u{85}\u{1}\u{7f}]{1,2}",
        "x{60,80}",
        Just("\\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Scenario: any texts in every place of a CEF line.
    /// Guarantees: one line; a reader finds every value as it was meant, whole or cut between characters, labels with
    /// their values, and nothing else; the count of cuts and the program's own check agree.
    #[test]
    fn cef_is_read_as_it_was_meant(texts in prop::collection::vec(text(), 6)) {
        let (line, cuts, problems) = CEF_ENGINE.render(&texts);
        let read = cef_parser::parse(&line).map_err(TestCaseError::fail)?;
        let mut expected_cuts = 0;
        let mut meant = |text: &str, limit: usize, is_header: bool| {
            let meant = cef_meaning(text, limit, is_header);
            expected_cuts += u32::from(meant.as_ref().is_some_and(|(_, is_cut)| *is_cut));
            meant.map(|(text, _)| text)
        };
        let unknown = || "Unknown".to_owned();
        prop_assert_eq!(&read.header[..3], ["Microsoft", "Defender for Cloud", "1.0"]);
        prop_assert_eq!(&read.header[3], &meant(&texts[0], 1023, true).unwrap_or_else(unknown));
        prop_assert_eq!(&read.header[4], &meant(&texts[1], 512, true).unwrap_or_else(unknown));
        prop_assert_eq!(&read.header[5], "8");
        let mut expected = BTreeMap::new();
        for (key, text, limit) in [("act", 2, 63), ("msg", 3, 1023), ("cs1", 4, 4000), ("eventUid", 5, usize::MAX)] {
            expected.extend(meant(&texts[text], limit, false).map(|text| (key.to_owned(), text)));
        }
        if expected.contains_key("cs1") {
            expected.insert("cs1Label".to_owned(), "A = label".to_owned());
        }
        prop_assert_eq!(read.extension, expected);
        prop_assert_eq!(cuts, expected_cuts);
        prop_assert_eq!(problems, Vec::<String>::new());
    }

    /// Scenario: any texts in every place of a LEEF line.
    /// Guarantees: as for CEF, but that the delimiter, and pipes in the header, are gone; a value without its delimiters
    /// counts as cut.
    #[test]
    fn leef_is_read_as_it_was_meant(texts in prop::collection::vec(text(), 6)) {
        let (line, cuts, problems) = LEEF_ENGINE.render(&texts);
        let read = leef_parser::parse(&line).map_err(TestCaseError::fail)?;
        let mut expected_cuts = 0;
        let mut meant = |text: &str, limit: usize, is_header: bool| {
            let meant = leef_meaning(text, limit, is_header);
            let is_cut = meant.as_ref().is_some_and(|(_, is_cut)| *is_cut);
            expected_cuts += u32::from(is_cut || (!is_header && text.contains('^')));
            meant.map(|(text, _)| text)
        };
        prop_assert_eq!(&read.header[..3], ["Microsoft", "Defender for Cloud", "1.0"]);
        let event_id = meant(&texts[0], 255, true);
        prop_assert_eq!(&read.header[3], &event_id.unwrap_or_else(|| "Unknown".to_owned()));
        let mut expected = BTreeMap::from([("sev".to_owned(), "8".to_owned())]);
        for (key, text, limit) in [
            ("usrName", 1, 255),
            ("policy", 2, usize::MAX),
            ("resource", 3, usize::MAX),
            ("alertName", 4, usize::MAX),
            ("eventUid", 5, usize::MAX),
        ] {
            expected.extend(meant(&texts[text], limit, false).map(|text| (key.to_owned(), text)));
        }
        prop_assert_eq!(read.attributes, expected);
        prop_assert_eq!(cuts, expected_cuts);
        prop_assert_eq!(problems, Vec::<String>::new());
    }
}

/// What a text says after all that CEF cannot carry: the text and whether it is cut.
pub fn cef_meaning(text: &str, limit: usize, is_header: bool) -> Option<(String, bool)> {
    meaning(text, limit, |character| match character {
        '\n' | '\r' if is_header => Some(' '),
        '\n' | '\r' => Some(character),
        _ => plain(character),
    })
}

fn leef_meaning(text: &str, limit: usize, is_header: bool) -> Option<(String, bool)> {
    meaning(text, limit, |character| match character {
        '\n' | '\r' => Some(' '),
        '|' if is_header => Some(' '),
        '^' if !is_header => None,
        _ => plain(character),
    })
}

fn plain(character: char) -> Option<char> {
    match character {
        '\t' => Some(' '),
        _ => Some(character).filter(|character| !character.is_control()),
    }
}

fn meaning(text: &str, limit: usize, keep: impl Fn(char) -> Option<char>) -> Option<(String, bool)> {
    let whole: String = text.chars().filter_map(keep).collect();
    let whole = whole.trim();
    let mut start = String::new();
    for character in whole.chars() {
        if start.len() + character.len_utf8() > limit {
            break;
        }
        start.push(character);
    }
    let is_cut = start.len() < whole.len();
    Some((start.trim().to_owned(), is_cut)).filter(|(text, _)| !text.is_empty())
}
