//! A checkpoint on its way from one store to another: one JSON object, which names its hub.

use serde::{Deserialize, Serialize};

use super::Checkpoint;
use crate::event::PartitionId;

/// Version of the line below; another number is refused, never guessed at.
pub const FORMAT: u32 = 1;

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// Version of this layout, [`FORMAT`].
    pub format: u32,
    /// Host name of the namespace, as configured, with its port where that is not the default.
    pub namespace: String,
    /// Name of the hub, as configured.
    pub hub: String,
    /// Consumer group, as configured.
    pub consumer_group: String,
    /// The partition.
    pub partition: PartitionId,
    /// What stands in the store.
    pub checkpoint: Checkpoint,
}

/// The version first: a later layout must be called that, not torn.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl Exported {
    /// Reads one line; the error says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let text = |error: serde_json::Error| error.to_string();
        let Versioned { format } = serde_json::from_str(line).map_err(text)?;
        if format != FORMAT {
            return Err(format!(
                "it has format {format}, this program knows format {FORMAT}"
            ));
        }
        let exported: Self = serde_json::from_str(line).map_err(text)?;
        exported.checkpoint.check()?;
        Ok(exported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"format":1,"namespace":"contoso.servicebus.windows.net","hub":"defender","consumer_group":"$Default","partition":"3","checkpoint":{"version":1,"sequence_number":4711,"offset":"1:2:3","enqueued_time":"2023-11-14T22:13:20.123Z","hub_created_at":null,"targets":{"soc":{"sequence_number":4712,"offset":"1:2:4"}}}}"#;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let exported = Exported::parse(LINE).expect("it is a line");
        assert_eq!(exported.checkpoint.sequence_number.0, 4711);
        assert_eq!(serde_json::to_string(&exported).expect("it can be written"), LINE);
    }

    #[test]
    fn nothing_strange_is_a_line() {
        for (from, to, expected) in [
            ("\"format\":1", "\"format\":2", "it has format 2"),
            ("\"version\":1", "\"version\":7", "version 7"),
            ("4711", "-2", "below -1"),
            ("\"hub\"", "\"hubb\"", "hubb"),
            ("\"offset\":\"1:2:3\",", "", "offset"),
            ("}}}}", "}", "EOF"),
        ] {
            let error = Exported::parse(&LINE.replace(from, to)).expect_err(to);
            assert!(error.contains(expected), "{error}");
        }
    }
}
