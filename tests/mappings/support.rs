//! Fixtures in the form of a set.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use hub2siem::decode;
use hub2siem::event::{Event, Hub, Kind, Offset, PartitionId, SequenceNumber, Timestamp};
use hub2siem::map::{Mappings, RecordContext};
use serde_json::Value;

/// Folders of fixtures that are about bodies rather than records.
const ABOUT_BODIES: [&str; 2] = ["envelope", "invalid"];

/// The embedded sets, loaded once for all tests.
static MAPPINGS: LazyLock<Mappings> = LazyLock::new(|| {
    let mappings = Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(mappings.warnings().0.is_empty(), "{}", mappings.warnings());
    mappings
});

/// Names of all sets.
pub fn sets() -> impl Iterator<Item = &'static str> {
    MAPPINGS.names()
}

/// One record of a fixture in the form of a set.
pub struct Rendered {
    /// What kind of record it is.
    pub kind: Kind,
    /// `name@revision` of the map; `None` if the set has none for the kind.
    pub revision: Option<String>,
    /// The output, one line.
    pub line: String,
}

impl Rendered {
    /// The output of a JSON set, parsed again.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.line).expect("the output is JSON")
    }
}

/// Whether a fixture is about records.
pub fn is_about_records(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    let folder = folder.and_then(|name| name.to_str());
    !ABOUT_BODIES.contains(&folder.expect("fixtures stand in folders"))
}

/// All fixtures about records, in the order of their names.
pub fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = std::fs::read_dir(root).expect("the fixtures are there");
    let files = folders.flat_map(|folder| {
        let folder = folder.expect("a folder can be read").path();
        std::fs::read_dir(folder).expect("fixtures stand in folders")
    });
    let mut paths: Vec<_> = files
        .map(|file| file.expect("a file can be read").path())
        .filter(|path| is_about_records(path))
        .collect();
    paths.sort();
    paths
}

/// Every record of every fixture for which the set has a map, with the fixture it comes from.
pub fn mapped(set: &str) -> Vec<(PathBuf, Rendered)> {
    let paths = fixtures().into_iter();
    let records = paths.flat_map(|path| {
        let rendered = render(set, &path);
        rendered.into_iter().map(move |record| (path.clone(), record))
    });
    records.filter(|(_, record)| record.revision.is_some()).collect()
}

/// Asserts that records of every kind that Defender for Cloud has were mapped.
pub fn assert_every_kind(records: &[(PathBuf, Rendered)]) {
    for kind in Kind::ALL {
        let is_expected = !matches!(kind, Kind::Unknown | Kind::Undecodable);
        let is_mapped = records.iter().any(|(_, record)| record.kind == kind);
        assert!(is_mapped || !is_expected, "no {} was mapped", kind.as_str());
    }
}

/// The records of a fixture in the form of a set.
pub fn render(set: &str, path: &Path) -> Vec<Rendered> {
    let set = MAPPINGS.set(set).expect("the set is embedded");
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let event = Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8812"),
        enqueued_time: Timestamp::from_millis(1_731_049_262_123),
        body: std::fs::read(path).expect("the fixture is there").into(),
        last_enqueued: None,
    };
    let records = decode::decode(&hub, &event);
    records
        .iter()
        .map(|record| {
            let mut output = Vec::new();
            let context = RecordContext::new(record);
            let rendering = set.render(&context, &mut output).expect("it can be mapped");
            let problems = set.validate(&context, &output);
            assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
            assert_eq!(rendering.revision.is_some(), set.has(record.kind));
            assert!(!output.contains(&b'\n'), "one line");
            Rendered {
                kind: record.kind,
                revision: rendering.revision.map(|revision| revision.to_string()),
                line: String::from_utf8(output).expect("the output is text"),
            }
        })
        .collect()
}

/// The value at a dotted name.
pub fn at<'v>(output: &'v Value, name: &str) -> Option<&'v Value> {
    name.split('.').try_fold(output, |value, part| value.get(part))
}
