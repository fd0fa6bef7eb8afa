//! A letter becomes a record of its target: decoded and mapped as configured now.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::acknowledge::{Answer, Mark, Ticket, Window};
use crate::config::TargetConfiguration;
use crate::config::target::OnMapError;
use crate::decode::decode_single;
use crate::deliver::dead_letter::StoredLetter;
use crate::event::rendered::About;
use crate::event::{
    Details, Event, EventId, Hub, Kind, Offset, PartitionId, Record, RejectReason, Rendered, SequenceNumber,
    Timestamp,
};
use crate::map::RecordContext;

/// What is booked for a record besides its bytes.
const RECORD_BYTES: usize = size_of::<Rendered>() + 256;

/// A letter that cannot become a record of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) reason: RejectReason,
    pub(super) detail: String,
}

/// A letter in the form of its target.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) bytes: Bytes,
    pub(super) about: About,
    partition: PartitionId,
    mark: Mark,
}

impl Prepared {
    /// The record, with its room booked; `answer` is given the final word.
    pub(super) fn record(self, window: &Arc<Window>, answer: Answer) -> Rendered {
        let key_bytes = self.about.key.as_ref().map_or(0, |key| key.len());
        let details_bytes = self.about.details.as_ref().map_or(0, |details| details.bytes());
        Rendered {
            held: window.hold(self.bytes.len() + key_bytes + details_bytes + RECORD_BYTES),
            bytes: self.bytes,
            about: self.about,
            original: None,
            ticket: Ticket::alone(self.partition, self.mark, answer),
        }
    }
}

/// The record of a letter in the form of `target`.
pub(super) fn prepare(letter: &StoredLetter, target: &TargetConfiguration) -> Result<Prepared, Unfit> {
    let content = letter.content().transpose().map_err(|error| Unfit {
        reason: RejectReason::Undecodable,
        detail: format!("the letter holds no base64: {error}"),
    })?;
    let hub = Hub {
        namespace: letter.namespace.as_str().into(),
        name: letter.hub.as_str().into(),
    };
    let mut event = event(letter);
    let (bytes, about) = match (&letter.body, content) {
        (None, Some(rendered)) => as_it_was(letter, &hub, &event, rendered, target)?,
        (_, content) => {
            let (body, kind) = body(letter, content);
            event.body = body;
            mapped(letter, &hub, &event, kind, target)?
        }
    };
    let mark = Mark {
        sequence_number: event.sequence_number,
        offset: event.offset,
        enqueued_time: enqueued_time(letter).unwrap_or_else(Timestamp::now),
    };
    Ok(Prepared {
        bytes,
        about,
        partition: event.partition,
        mark,
    })
}

fn enqueued_time(letter: &StoredLetter) -> Option<Timestamp> {
    letter.enqueued_time.as_deref().and_then(Timestamp::parse)
}

/// The event of the letter, without its body. What is not known of it is as the bridge takes it then.
fn event(letter: &StoredLetter) -> Event {
    Event {
        partition: PartitionId::new(letter.partition.as_str()),
        sequence_number: SequenceNumber(letter.sequence_number),
        offset: Offset::new(letter.offset.as_deref().unwrap_or_default()),
        enqueued_time: enqueued_time(letter).unwrap_or_else(|| Timestamp::from_millis(0)),
        body: Bytes::new(),
        last_enqueued: None,
    }
}

/// The JSON that is decoded, and its kind where that does not follow from it.
///
/// What is no JSON goes as an object that holds it as text, or in base64 if it is none; of an event that could not be read
/// there are only its coordinates and the reason.
fn body(letter: &StoredLetter, content: Option<Vec<u8>>) -> (Bytes, Option<Kind>) {
    let object = match (content, letter.kind == Kind::Undecodable.as_str()) {
        (Some(content), false) => return (content.into(), None),
        (Some(content), true) => match String::from_utf8(content) {
            Ok(text) => json!({ "reason": letter.reason, "detail": letter.detail, "text": text }),
            Err(_) => json!({ "reason": letter.reason, "detail": letter.detail, "base64": letter.body }),
        },
        (None, _) => json!({ "reason": letter.reason, "detail": letter.detail }),
    };
    (object.to_string().into(), Some(Kind::Undecodable))
}

fn mapped(
    letter: &StoredLetter,
    hub: &Hub,
    event: &Event,
    kind: Option<Kind>,
    target: &TargetConfiguration,
) -> Result<(Bytes, About), Unfit> {
    let mut record = decode_single(hub, event, letter.record_index, kind).ok_or_else(|| Unfit {
        reason: RejectReason::Undecodable,
        detail: "the letter holds no JSON value".to_owned(),
    })?;
    if let Some(id) = own_id(letter) {
        record.event_id = id;
    }
    if enqueued_time(letter).is_none() {
        // A target that goes by the time would put 1970 away.
        record.time = Timestamp::now();
    }
    let context = RecordContext::new(&record);
    let mut bytes = Vec::new();
    let revision = match target.mapping.render(&context, &mut bytes) {
        Ok(rendering) => rendering.revision,
        Err(error) => {
            let unfit = |detail| Unfit {
                reason: RejectReason::MapError,
                detail,
            };
            if target.on_map_error == OnMapError::DeadLetter {
                return Err(unfit(error.to_string()));
            }
            let native = target.native.render(&context, &mut bytes);
            native.map_err(|error| unfit(error.to_string()))?.revision
        }
    };
    Ok((bytes.into(), about(&record, revision, target)))
}

fn about(record: &Record<'_>, mapping_revision: Option<Arc<str>>, target: &TargetConfiguration) -> About {
    About {
        kind: record.kind,
        index: record.index,
        event_id: record.event_id,
        key: record.key.as_deref().map(Box::from),
        time: record.time,
        is_snapshot: record.is_snapshot,
        mapping_revision,
        details: Details::of(record, target.settings.wanted_details()),
    }
}

/// A letter that holds only the record as it was rendered: it is sent so.
fn as_it_was(
    letter: &StoredLetter,
    hub: &Hub,
    event: &Event,
    rendered: Vec<u8>,
    target: &TargetConfiguration,
) -> Result<(Bytes, About), Unfit> {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&rendered).is_ok();
    if !is_json && target.settings.needs_json() {
        return Err(Unfit {
            reason: RejectReason::Refused,
            detail: "the letter holds a line of text, and the target takes JSON now".to_owned(),
        });
    }
    let id = own_id(letter).unwrap_or_else(|| {
        EventId::new(
            hub,
            &event.partition,
            event.sequence_number,
            event.enqueued_time,
            letter.record_index,
        )
    });
    let about = About {
        kind: letter.kind.parse().unwrap_or(Kind::Unknown),
        index: letter.record_index,
        event_id: id,
        key: letter.key.as_deref().map(Box::from),
        time: enqueued_time(letter).unwrap_or_else(Timestamp::now),
        is_snapshot: false,
        mapping_revision: letter.mapping_revision.as_deref().map(Arc::from),
        details: None,
    };
    Ok((rendered.into(), about))
}

fn own_id(letter: &StoredLetter) -> Option<EventId> {
    EventId::from_hex(letter.event_id.as_deref()?)
}

#[cfg(test)]
mod tests;
