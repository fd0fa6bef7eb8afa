//! The blob of the first client for Go, which Filebeat and Dapr were built on.

use super::body::Body;
use super::position::{LegacyPosition, Unreadable};

/// Reads the body; `None` if nothing was settled yet.
pub(super) fn parse(body: &[u8]) -> Result<Option<LegacyPosition>, Unreadable> {
    let Some(body) = Body::parse(body)? else {
        return Ok(None);
    };
    let Some(checkpoint) = body.object("checkpoint")? else {
        return match body.has("partition_id") {
            true => Ok(None),
            false => Err(Unreadable::new("it has no `checkpoint`")),
        };
    };
    Ok(LegacyPosition::of_lease(
        checkpoint.number("sequence_number")?,
        checkpoint.text("offset")?,
        checkpoint.time("enqueue_time"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, SequenceNumber, Timestamp};

    #[test]
    fn reads_what_it_wrote() {
        let position = |sequence_number: Option<i64>, offset: Option<&str>, time: Option<&str>| {
            Some(LegacyPosition {
                sequence_number: sequence_number.map(SequenceNumber),
                offset: offset.map(Offset::new),
                enqueued_time: time.and_then(Timestamp::parse),
            })
        };
        let cases = [
            (
                r#"{"partitionID":"0","epoch":3,"owner":"a","checkpoint":{"offset":"4096","sequenceNumber":77,"enqueueTime":"2026-03-01T08:00:00.123Z"},"state":"","token":""}"#,
                position(Some(77), Some("4096"), Some("2026-03-01T08:00:00.123Z")),
            ),
            (
                "\u{feff}{\"checkpoint\":{\"offset\":\"4096\",\"sequenceNumber\":\"77\",\"enqueueTime\":\"\"}}",
                position(Some(77), Some("4096"), None),
            ),
            (
                r#"{"checkpoint":{"offset":"4096"}}"#,
                position(None, Some("4096"), None),
            ),
            (
                r#"{"checkpoint":{"offset":null,"sequenceNumber":77,"enqueueTime":null}}"#,
                position(Some(77), None, None),
            ),
            (
                r#"{"checkpoint":{"offset":"0","sequenceNumber":0,"enqueueTime":"0001-01-01T00:00:00Z"}}"#,
                position(Some(0), Some("0"), None),
            ),
            (
                r#"{"partitionID":"0","checkpoint":{"offset":"-1","sequenceNumber":0,"enqueueTime":"0001-01-01T00:00:00Z"}}"#,
                None,
            ),
            (
                r#"{"partitionID":"0","checkpoint":{"offset":"@latest","sequenceNumber":0}}"#,
                None,
            ),
            (
                r#"{"partitionID":"0","epoch":0,"owner":"","checkpoint":null}"#,
                None,
            ),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn says_what_cannot_be_read() {
        for (body, expected) in [
            (r#"{"checkpoint":"4096"}"#, "`checkpoint` is no JSON object"),
            (r#"{"Offset":"4096","SequenceNumber":77}"#, "no `checkpoint`"),
            (
                r#"{"checkpoint":{"sequenceNumber":[]}}"#,
                "neither text nor a number",
            ),
        ] {
            let error = parse(body.as_bytes()).expect_err(body);
            assert!(error.detail.contains(expected), "{error}");
        }
    }
}
