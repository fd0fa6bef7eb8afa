//! What is done with hostile input, by `fuzz/` with bytes of its own making and by `tests/mutations.rs` with broken copies
//! of good files. Whatever comes, nothing panics, and what is accepted gives what it should.

use std::sync::LazyLock;

use hub2siem::config::diagnostic::{Diagnostics, SourceFile};
use hub2siem::decode;
use hub2siem::map::file::merge::merge;
use hub2siem::map::file::{MappingFile, Written};
use hub2siem::map::{Mappings, RecordContext, Salt, compile};
use hub2siem::mapping_test::carrier;

/// A base for maps that extend one.
const BASE: &str = include_str!("../../mappings/ecs/alert.yaml");

/// An alert for the maps that can be compiled.
const ALERT: &[u8] = include_bytes!("../fixtures/alert/wire.json");

static MAPPINGS: LazyLock<Mappings> =
    LazyLock::new(|| Mappings::load(None).expect("the embedded maps are valid"));

/// A mapping file: parsed, merged, compiled, its problems rendered, and run if it has none.
pub fn mapping_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut diagnostics = Diagnostics::default();
    let written = match Written::parse(source(text)) {
        Ok(written) => written,
        Err(problem) => {
            assert!(!problem.render(false).is_empty());
            return;
        }
    };
    let written = match written.extends() {
        Some(_) => {
            let base = Written::parse(source(BASE)).expect("the base is valid");
            merge(written, &base, &mut diagnostics)
        }
        None => written,
    };
    let salt = Salt::new(&"a salt for tests only".into());
    let file = MappingFile::of(&written, &mut diagnostics);
    let plan = file.and_then(|file| compile::map(&file, Some(&salt), &mut diagnostics));
    for problem in diagnostics.0.into_iter().take(5) {
        assert!(!written.relocate(problem).render(false).is_empty());
    }
    let Some(plan) = plan else {
        return;
    };
    with_records(ALERT, |context| {
        let mut output = b"before".to_vec();
        match plan.render_accepted(context, &mut output) {
            Ok(Some(_)) => assert!(output.len() > 6),
            Ok(None) | Err(_) => assert_eq!(output, b"before"),
        }
    });
}

/// The body of an event: decoded, and every record rendered by every embedded set.
pub fn record_body(data: &[u8]) {
    with_records(data, |context| {
        for name in MAPPINGS.names() {
            let set = MAPPINGS.set(name).expect("its name was given");
            let mut output = Vec::new();
            if set.render(context, &mut output).is_ok() {
                assert!(!output.contains(&b'\n'), "{name}: one line");
                let text = std::str::from_utf8(&output).expect("the output is text");
                if !set.output().is_text() {
                    check_json(name, text);
                }
            }
        }
    });
}

/// By the grammar alone: `native` may be deeper, and its numbers larger, than values of this reader can be.
fn check_json(name: &str, text: &str) {
    let read: Result<&serde_json::value::RawValue, _> = serde_json::from_str(text);
    if let Err(error) = read {
        panic!("{name}: {error}: {text}");
    }
}

fn source(text: &str) -> SourceFile {
    SourceFile {
        name: "hostile.yaml".into(),
        text: text.into(),
    }
}

fn with_records(body: &[u8], mut look: impl FnMut(&RecordContext<'_>)) {
    let (hub, event) = carrier(body.to_vec());
    for record in decode::decode(&hub, &event) {
        if record.kind != hub2siem::event::Kind::Undecodable {
            look(&RecordContext::new(&record));
        }
    }
}
