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

fn moment(value: Option<&Value<'_>>) -> Option<Timestamp> {
    Timestamp::parse(value?.as_str()?)
}
