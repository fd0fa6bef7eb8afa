//! Records and maps for the tests of this stage.

use super::compile;
use super::file::MappingFile;
use super::plan::Plan;
use super::salt::Salt;
use super::scope::RecordContext;
use crate::config::diagnostic::{Diagnostics, SourceFile};
use crate::decode;
use crate::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};

/// Decodes `body`, which holds one record, and hands it to `look`.
pub fn with_record<T>(body: &str, look: impl FnOnce(&RecordContext<'_>) -> T) -> T {
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let event = Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8812"),
        enqueued_time: Timestamp::from_millis(1_731_049_262_123),
        body: body.to_owned().into(),
        last_enqueued: None,
    };
    let records = decode::decode(&hub, &event);
    assert_eq!(records.len(), 1, "one record: {body}");
    look(&RecordContext::new(&records[0]))
}

/// A file of a map for unknown records with `rest` behind a minimal header.
pub fn file(rest: &str) -> SourceFile {
    SourceFile {
        name: "own.yaml".into(),
        text: format!("format: 1\nname: own/map\nrevision: 7\nrecord: unknown\n{rest}").into(),
    }
}

/// The salt of all tests.
pub fn salt() -> Salt {
    Salt::new(&secrecy::SecretString::from("a salt for tests only"))
}

/// Compiles a file; what is wrong with it is in the diagnostics.
pub fn compiled(source: SourceFile) -> (Option<Plan>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let file = MappingFile::read(source, &mut diagnostics);
    let plan = file.and_then(|file| compile::map(&file, Some(&salt()), &mut diagnostics));
    let is_usable = !diagnostics.has_errors();
    (plan.filter(|_| is_usable), diagnostics)
}

/// What a map makes of a record, or the error.
pub fn rendered(rest: &str, body: &str) -> String {
    let (plan, diagnostics) = compiled(file(rest));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
    with_record(body, |context| {
        let mut output = Vec::new();
        match plan.render_accepted(context, &mut output) {
            Ok(Some(_)) => String::from_utf8(output).expect("the output is text"),
            Ok(None) => "the guard does not hold".to_owned(),
            Err(error) => {
                assert!(output.is_empty(), "an error leaves no output");
                error.to_string()
            }
        }
    })
}

/// What one value makes of a record, without the field around it; empty if it is absent.
pub fn value(text: &str, body: &str) -> String {
    let rendered = rendered(&format!("fields:\n  x:\n    {text}\n"), body);
    let inner = rendered
        .strip_prefix("{\"x\":")
        .and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(inner) => inner.to_owned(),
        None if rendered == "{}" => String::new(),
        None => rendered,
    }
}

/// The rendered problems of a file.
pub fn problems(rest: &str) -> String {
    let (_, diagnostics) = compiled(file(rest));
    diagnostics.render(false)
}
