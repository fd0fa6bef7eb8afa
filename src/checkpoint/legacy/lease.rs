//! The blob of EventProcessorHost, which is lease and checkpoint in one; Azure Functions before version 5 wrote the same.

use super::body::Body;
use super::position::{LegacyPosition, Unreadable};

/// Reads the body; `None` if nothing was settled yet.
pub(super) fn parse(body: &[u8]) -> Result<Option<LegacyPosition>, Unreadable> {
    let Some(body) = Body::parse(body)? else {
        return Ok(None);
    };
    if !body.has("offset") && !body.has("sequence_number") {
        return Err(Unreadable::new("it has neither `Offset` nor `SequenceNumber`"));
    }
    Ok(LegacyPosition::of_lease(
        body.number("sequence_number")?,
        body.text("offset")?,
        None,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, SequenceNumber};

    fn position(sequence_number: Option<i64>, offset: Option<&str>) -> Option<LegacyPosition> {
        Some(LegacyPosition {
            sequence_number: sequence_number.map(SequenceNumber),
            offset: offset.map(Offset::new),
            enqueued_time: None,
        })
    }

    #[test]
    fn reads_what_every_client_wrote() {
        let long = "9223372036854775807";
        let cases: Vec<(String, Option<LegacyPosition>)> = vec![
            // .NET and Functions
            (
                r#"{"PartitionId":"0","Owner":"host-1","Token":"5c1f","Epoch":386,"Offset":"8591964920","SequenceNumber":960180}"#.into(),
                position(Some(960_180), Some("8591964920")),
            ),
            // Python
            (
                r#"{"partition_id":"0","epoch":5,"owner":"b","token":"t","sequence_number":77,"offset":"4096","event_processor_context":null}"#.into(),
                position(Some(77), Some("4096")),
            ),
            // Java
            (
                r#"{"offset":"4096","sequenceNumber":77,"partitionId":"0","owner":"b","token":"t","epoch":1}"#.into(),
                position(Some(77), Some("4096")),
            ),
            // with a byte order mark, and filled up with zeros
            (
                "\u{feff}{\"Offset\":\"4096\",\"SequenceNumber\":77}\r\n\0\0\0".into(),
                position(Some(77), Some("4096")),
            ),
            // numbers as text, and text as numbers
            (r#"{"Offset":4096,"SequenceNumber":"77"}"#.into(), position(Some(77), Some("4096"))),
            (
                format!(r#"{{"Offset":{long},"SequenceNumber":{long}}}"#),
                position(Some(i64::MAX), Some(long)),
            ),
            // the offset of a replicated namespace
            (
                r#"{"Offset":"3:1:58368:17","SequenceNumber":17}"#.into(),
                position(Some(17), Some("3:1:58368:17")),
            ),
            // one without the other
            (r#"{"Offset":"4096"}"#.into(), position(None, Some("4096"))),
            (r#"{"Offset":"4096","SequenceNumber":null}"#.into(), position(None, Some("4096"))),
            (r#"{"SequenceNumber":77}"#.into(), position(Some(77), None)),
            (r#"{"Offset":null,"SequenceNumber":77}"#.into(), position(Some(77), None)),
            (r#"{"Offset":"","SequenceNumber":77}"#.into(), position(Some(77), None)),
            (r#"{"Offset":"No Offset","SequenceNumber":"77"}"#.into(), position(Some(77), None)),
            // the first event of all
            (r#"{"Offset":"0","SequenceNumber":0}"#.into(), position(Some(0), Some("0"))),
            // nothing settled yet
            (r#"{"PartitionId":"0","Owner":"","Offset":null,"SequenceNumber":0}"#.into(), None),
            (r#"{"Offset":"","SequenceNumber":0}"#.into(), None),
            (r#"{"Offset":"-1","SequenceNumber":0}"#.into(), None),
            (r#"{"Offset":"-1","SequenceNumber":-1}"#.into(), None),
            (r#"{"Offset":"@latest","SequenceNumber":null}"#.into(), None),
            (String::new(), None),
            (" \r\n".into(), None),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn says_what_cannot_be_read() {
        let large = format!("{{\"Offset\":\"{}\"}}", "1".repeat(70_000));
        let cases: [(&[u8], &str); 8] = [
            (b"{\"Offset\":\"40", "its body is no JSON"),
            (b"\xff\xfe{\x00", "its body is no JSON"),
            (b"[1]", "its body is no JSON object"),
            (b"{\"owner\":\"x\"}", "neither `Offset` nor `SequenceNumber`"),
            (b"{\"SequenceNumber\":\"many\"}", "no whole number"),
            (b"{\"SequenceNumber\":1.5}", "neither text nor a number"),
            (b"{\"Offset\":{}}", "neither text nor a number"),
            (large.as_bytes(), "larger than"),
        ];
        for (body, expected) in cases {
            let error = parse(body).expect_err(expected);
            assert!(error.detail.contains(expected), "{error}");
        }
    }
}
