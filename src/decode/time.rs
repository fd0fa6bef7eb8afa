//! When a record's subject happened, by the field its kind has for it.

use super::json::Value;
use crate::event::{Kind, Timestamp};

/// Event time of a record; `None` where the kind has no time of its own or none of its fields can be read, so that the
/// enqueued time must do.
pub fn event_time(kind: Kind, document: &Value<'_>, is_snapshot: bool) -> Option<Timestamp> {
    match kind {
        Kind::Alert => ["TimeGenerated", "ProcessingEndTime", "EndTimeUtc"]
            .iter()
            .find_map(|name| moment(document.get(name))),
        // A snapshot repeats what may have changed months ago; its own moment is the hub's.
        Kind::Assessment if !is_snapshot => {
            let status = document.at(&["properties", "status"])?;
            moment(status.get("statusChangeDate")).or_else(|| moment(status.get("firstEvaluationDate")))
        }
        Kind::SubAssessment => moment(document.at(&["properties", "timeGenerated"])),
        _ => None,
    }
}

/// A date that can be one. What was never set is written as the first day of year 1, where nobody would look for it.
fn moment(value: Option<&Value<'_>>) -> Option<Timestamp> {
    Timestamp::parse(value?.as_str()?).filter(|time| time.as_millis() > 0)
}

#[cfg(test)]
mod tests {
    use super::event_time;
    use crate::decode::json::parse;
    use crate::event::Kind;

    #[test]
    fn what_is_no_date_is_passed_over() {
        let assessment = |changed, first| {
            format!(
                r#"{{"properties":{{"status":{{"statusChangeDate":{changed},"firstEvaluationDate":{first}}}}}}}"#
            )
        };
        let cases = [
            (
                r#""2024-01-02T03:04:05Z""#,
                "null",
                Some("2024-01-02T03:04:05.000Z"),
            ),
            (
                r#""0001-01-01T00:00:00Z""#,
                r#""2024-01-02T03:04:05Z""#,
                Some("2024-01-02T03:04:05.000Z"),
            ),
            (r#""0001-01-01T00:00:00""#, r#""1970-01-01T00:00:00Z""#, None),
            (r#""N/A""#, "5", None),
        ];
        for (changed, first, expected) in cases {
            let body = assessment(changed, first);
            let document = parse(&body).expect("it is JSON");
            let time = event_time(Kind::Assessment, &document, false);
            assert_eq!(time.map(|time| time.to_string()).as_deref(), expected, "{body}");
        }
    }
}
