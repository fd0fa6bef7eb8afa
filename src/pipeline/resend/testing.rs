//! Configurations and letters for the tests beside.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::Configuration;
use crate::config::configuration::load_text;
use crate::config::diagnostic::SourceFile;
use crate::deliver::dead_letter::StoredLetter;

/// The namespace of the hub `defender` that the configuration reads.
pub(super) const NAMESPACE: &str = "contoso.servicebus.windows.net";

/// One with these targets, each `name: { … }`; its dead letters are in `directory/dead`.
pub(super) fn configuration(directory: &Path, targets: &str) -> Configuration {
    let connection = format!("Endpoint=sb://{NAMESPACE}/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0");
    std::fs::write(directory.join("connection"), connection).expect("a file can be written");
    let folder = directory.display();
    let text = format!(
        "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender }}\n\
         checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
         dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}\n\
         targets: {{ {targets} }}\n"
    );
    let file = SourceFile {
        name: "hub2siem.yaml".into(),
        text: text.into(),
    };
    load_text(&file).expect("the configuration is well formed").0
}

/// A letter of target `soc`.
pub(super) fn letter(kind: &str, reason: &str, body: Option<&[u8]>) -> StoredLetter {
    StoredLetter {
        event_id: Some("c6d388ba46f7ec4c47b1955d4b545e38".to_owned()),
        namespace: NAMESPACE.to_owned(),
        hub: "defender".to_owned(),
        consumer_group: "$Default".to_owned(),
        partition: "3".to_owned(),
        sequence_number: 7,
        offset: Some("4:5:6".to_owned()),
        enqueued_time: Some("2023-11-14T22:13:20.123Z".to_owned()),
        record_index: 2,
        kind: kind.to_owned(),
        key: None,
        target: Some("soc".to_owned()),
        stage: "deliver".to_owned(),
        reason: reason.to_owned(),
        detail: "Invalid data format".to_owned(),
        mapping_revision: None,
        body: body.map(|body| STANDARD.encode(body)),
        rendered: None,
    }
}
