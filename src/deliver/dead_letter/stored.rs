//! What a dead letter says of a record.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What a letter says of a record, in the order written. What was not known is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLetter {
    /// Identity of the delivery, 32 hexadecimal digits.
    pub event_id: Option<String>,
    /// Namespace of the hub.
    pub namespace: String,
    /// Name of the hub.
    pub hub: String,
    /// Group that read it.
    pub consumer_group: String,
    /// Partition it came from.
    pub partition: String,
    /// Number of its event.
    pub sequence_number: i64,
    /// Offset of its event.
    pub offset: Option<String>,
    /// When the hub took its event in, RFC 3339.
    pub enqueued_time: Option<String>,
    /// Position of the record in its event.
    pub record_index: u32,
    /// What it is.
    pub kind: String,
    /// Item key.
    pub key: Option<String>,
    /// The target that refused it.
    pub target: Option<String>,
    /// The stage that refused it.
    pub stage: String,
    /// Class of the refusal.
    pub reason: String,
    /// The peer's text, or ours.
    pub detail: String,
    /// Revision of the map that rendered it.
    pub mapping_revision: Option<String>,
    /// The bytes as received, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The rendered record, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
}

impl StoredLetter {
    /// What is kept of the record, decoded: as received, or as rendered. `None` where nothing is.
    pub fn content(&self) -> Option<Result<Vec<u8>, base64::DecodeError>> {
        let text = self.body.as_ref().or(self.rendered.as_ref())?;
        Some(STANDARD.decode(text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::super::tests::letter;
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut bytes = Vec::new();
        line::append(&letter(7), &mut bytes);
        let stored: StoredLetter = serde_json::from_slice(&bytes).expect("it is a letter");
        assert_eq!(
            serde_json::to_vec(&stored).expect("it is JSON"),
            bytes.trim_ascii_end()
        );
        assert_eq!(
            stored.content().expect("there is one").expect("it is base64"),
            b"{\"a\":1}"
        );
    }
}
