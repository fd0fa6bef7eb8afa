//! A map, and a record with six texts for it.

use std::sync::Arc;

use hub2siem::decode;
use hub2siem::map::{MappingSet, Mappings, RecordContext};
use hub2siem::mapping_test::carrier;

pub const CEF: &str = "\
output: cef
own_keys: [eventUid]
header:
  device_vendor: Microsoft
  device_product: Defender for Cloud
  device_version: \"1.0\"
  event_class_id: .t[0]
  name: .t[1]
  severity: 8
extension:
  act: .t[2]
  msg: .t[3]
  cs1: { label: A = label, value: '.t[4]' }
  eventUid: .t[5]
";

pub const LEEF: &str = "\
output: leef
own_keys: [alertName, eventUid]
header: { vendor: Microsoft, product: Defender for Cloud, version: \"1.0\", event_id: '.t[0]' }
attributes:
  sev: 8
  usrName: .t[1]
  policy: .t[2]
  resource: .t[3]
  alertName: .t[4]
  eventUid: .t[5]
";

/// A set with one map.
pub struct Engine {
    set: Arc<MappingSet>,
}

impl Engine {
    pub fn new(map: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory can be made");
        let text = format!("format: 1\nname: own/unknown\nrevision: 1\nrecord: unknown\n{map}");
        std::fs::write(folder.path().join("unknown.yaml"), text).expect("a file can be written");
        let mappings = Mappings::load(Some(folder.path())).unwrap_or_else(|problems| panic!("{problems}"));
        Self {
            set: mappings.set("own").expect("it was written"),
        }
    }

    /// The line, the number of cuts, and what the program finds wrong with the line.
    pub fn render(&self, texts: &[String]) -> (String, u32, Vec<String>) {
        let (hub, event) = carrier(serde_json::json!({ "t": texts }).to_string());
        let records = decode::decode(&hub, &event);
        let context = RecordContext::new(&records[0]);
        let mut line = Vec::new();
        let rendering = self.set.render(&context, &mut line).expect("it can be mapped");
        let problems = self.set.validate(&context, &line);
        (
            String::from_utf8(line).expect("it is text"),
            rendering.cut_values,
            problems,
        )
    }
}
