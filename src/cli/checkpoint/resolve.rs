//! What is wanted of a partition becomes a checkpoint, with everything the hub knows of that place.

use super::hub::Hub;
use crate::acknowledge::Mark;
use crate::checkpoint::Checkpoint;
use crate::event::{Event, Offset, PartitionId, SequenceNumber, Timestamp};
use crate::eventhub::{End, EndReason, PartitionProperties, Position, StartPosition};

/// The offset that stands before every event. It serves for one that the hub no longer has: what it has comes later.
const BEFORE_ALL: &str = "-1";
/// No offset: the bridge then starts by the number.
const BY_NUMBER: &str = "";

/// A place in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Before the oldest event that the hub has.
    Earliest,
    /// After the newest event of this moment.
    Latest,
    /// Before the first event that was enqueued at this moment or later.
    EnqueuedAfter(Timestamp),
    /// After the event of this number or offset. Where both are given they have to agree.
    After {
        sequence_number: Option<SequenceNumber>,
        offset: Option<Offset>,
    },
}

/// A place that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) checkpoint: Checkpoint,
    /// Number of the oldest event that the hub has; of the next one, if it has none.
    pub(super) oldest: SequenceNumber,
    /// What whoever moves there should know.
    pub(super) notes: Vec<String>,
}

/// Why there is no such place.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// The hub has no such place, and why that is thought to be.
    Foreign(String),
    /// The hub cannot be asked.
    Peer(End),
}

/// The state of looking for one place.
struct Search<'h> {
    hub: &'h Hub,
    partition: &'h PartitionId,
    properties: PartitionProperties,
    notes: Vec<String>,
}

/// Finds the place, and asks the hub for everything a checkpoint says about it.
pub(super) async fn resolve(
    hub: &Hub,
    partition: &PartitionId,
    wanted: &Wanted,
) -> Result<Resolved, Unresolved> {
    let properties = hub.properties(partition).await?;
    let oldest = match properties.is_empty {
        true => properties.last_sequence_number.next(),
        false => properties.begin_sequence_number,
    };
    let mut search = Search {
        hub,
        partition,
        properties,
        notes: Vec::new(),
    };
    let position = search.find(wanted).await?;
    let mark = Mark {
        sequence_number: position.sequence_number,
        offset: position.offset.unwrap_or_else(|| Offset::new(BEFORE_ALL)),
        enqueued_time: position.enqueued_time.unwrap_or(Timestamp::UNKNOWN),
    };
    Ok(Resolved {
        checkpoint: Checkpoint::new(mark, Some(hub.created_at)),
        oldest,
        notes: search.notes,
    })
}

impl Search<'_> {
    async fn find(&mut self, wanted: &Wanted) -> Result<Position, Unresolved> {
        let newest = self.hub.latest(&self.properties);
        match wanted {
            Wanted::Latest => Ok(newest),
            Wanted::Earliest if self.properties.is_empty => Ok(newest),
            Wanted::Earliest => match self.first(&StartPosition::Earliest).await {
                Err(Unresolved::Peer(end)) if end.reason == EndReason::Unreadable => {
                    let before = SequenceNumber(self.properties.begin_sequence_number.0 - 1);
                    Ok(self.by_number(before, &end))
                }
                first => Ok(self.before(&first?)),
            },
            Wanted::EnqueuedAfter(time)
                if self.properties.is_empty || self.properties.last_enqueued_time < *time =>
            {
                Ok(newest)
            }
            Wanted::EnqueuedAfter(time) => {
                // The hub starts behind the moment it is given, and an event of exactly this time is to be read.
                let start = StartPosition::EnqueuedAfter(Timestamp::from_millis(time.as_millis() - 1));
                let first = self.first(&start).await?;
                let last = SequenceNumber(first.sequence_number.0 - 1);
                self.after_number(last, None).await
            }
            Wanted::After {
                sequence_number: Some(number),
                offset,
            } => self.after_number(*number, offset.as_ref()).await,
            Wanted::After {
                sequence_number: None,
                offset: Some(offset),
            } => self.after_offset(offset).await,
            Wanted::After {
                sequence_number: None,
                offset: None,
            } => Err(Unresolved::Foreign(
                "neither a sequence number nor an offset".to_owned(),
            )),
        }
    }

    async fn after_number(
        &mut self,
        number: SequenceNumber,
        offset: Option<&Offset>,
    ) -> Result<Position, Unresolved> {
        let newest = self.hub.latest(&self.properties);
        if number > newest.sequence_number {
            return Err(Unresolved::Foreign(format!(
                "event {number} is not in this hub, whose newest is {}; perhaps the hub was deleted and made again",
                newest.sequence_number
            )));
        }
        if number == newest.sequence_number {
            self.compare(offset, newest.offset.as_ref())?;
            return Ok(newest);
        }
        if self.properties.is_empty {
            return Ok(self.gone(number, newest.enqueued_time, newest.sequence_number.next()));
        }
        let start = match number < self.properties.begin_sequence_number {
            true => StartPosition::Earliest,
            false => StartPosition::SequenceNumber(number),
        };
        let first = match self.first(&start).await {
            Err(Unresolved::Peer(end)) if end.reason == EndReason::Unreadable => {
                return Ok(self.by_number(number, &end));
            }
            first => first?,
        };
        if first.sequence_number != number {
            let before = Timestamp::from_millis(first.enqueued_time.as_millis() - 1);
            return Ok(self.gone(number, Some(before), first.sequence_number));
        }
        self.compare(offset, Some(&first.offset))?;
        Ok(self.at(&first))
    }

    async fn after_offset(&mut self, offset: &Offset) -> Result<Position, Unresolved> {
        let newest = self.hub.latest(&self.properties);
        let foreign = || {
            Unresolved::Foreign(format!(
                "offset {offset} is not in this hub, whose newest is {}; perhaps the hub was deleted and made again",
                newest.offset.as_ref().map_or("none", Offset::as_str)
            ))
        };
        if newest.offset.as_ref() == Some(offset) {
            return Ok(newest);
        }
        if self.properties.is_empty {
            return Err(foreign());
        }
        let start = StartPosition::Offset(offset.clone());
        let first = match self.hub.first(self.partition, &start).await {
            Ok(Some(first)) => first,
            Ok(None) => return Err(foreign()),
            Err(end) if matches!(end.reason, EndReason::InvalidPosition | EndReason::InvalidOffset) => {
                return Err(foreign());
            }
            Err(end) => return Err(end.into()),
        };
        if first.offset == *offset {
            return Ok(self.at(&first));
        }
        // Retention removes the oldest events only: an offset between two that are there is that of another hub.
        let oldest = self.hub.first(self.partition, &StartPosition::Earliest).await?;
        if oldest.is_some_and(|oldest| oldest.sequence_number < first.sequence_number) {
            return Err(foreign());
        }
        self.notes.push(format!(
            "the hub has no event at offset {offset}; the first one after it is event {}",
            first.sequence_number
        ));
        Ok(Position {
            offset: Some(offset.clone()),
            ..self.before(&first)
        })
    }

    /// The position after an event at hand.
    fn at(&self, event: &Event) -> Position {
        Position {
            sequence_number: event.sequence_number,
            offset: Some(event.offset.clone()),
            enqueued_time: Some(event.enqueued_time),
            hub_created_at: Some(self.hub.created_at),
        }
    }

    /// The position before the oldest event.
    fn before(&self, first: &Event) -> Position {
        Position {
            sequence_number: SequenceNumber(first.sequence_number.0 - 1),
            offset: None,
            enqueued_time: Some(Timestamp::from_millis(first.enqueued_time.as_millis() - 1)),
            hub_created_at: Some(self.hub.created_at),
        }
    }

    /// The position after an event that the hub no longer has; the next one it has is `next`.
    fn gone(&mut self, number: SequenceNumber, time: Option<Timestamp>, next: SequenceNumber) -> Position {
        let events = next.0 - number.0 - 1;
        if events > 0 {
            self.notes.push(format!(
                "{events} events after event {number} are gone: the hub has removed them"
            ));
        }
        Position {
            sequence_number: number,
            offset: None,
            enqueued_time: time,
            hub_created_at: Some(self.hub.created_at),
        }
    }

    /// The position after event `number` where AMQP cannot carry the event that the hub has there. The number is enough to go
    /// on by.
    fn by_number(&mut self, number: SequenceNumber, end: &End) -> Position {
        let oldest = self.properties.begin_sequence_number;
        if number < oldest {
            return self.gone(number, None, oldest);
        }
        self.notes.push(format!(
            "event {number} cannot be read, so that only its number is known to be right: {end}"
        ));
        Position {
            sequence_number: number,
            offset: Some(Offset::new(BY_NUMBER)),
            enqueued_time: None,
            hub_created_at: Some(self.hub.created_at),
        }
    }

    /// Two offsets of one event. Where both are numbers and differ, they are of two hubs; a namespace that came to be
    /// replicated writes them in another form.
    fn compare(&mut self, given: Option<&Offset>, found: Option<&Offset>) -> Result<(), Unresolved> {
        let (Some(given), Some(found)) = (given, found) else {
            return Ok(());
        };
        if given == found {
            return Ok(());
        }
        let is_number = |offset: &Offset| offset.as_str().bytes().all(|byte| byte.is_ascii_digit());
        if is_number(given) == is_number(found) {
            return Err(Unresolved::Foreign(format!(
                "the event of this number has offset {found} in this hub, and not {given}; the position is of another \
                 hub, or the hub was deleted and made again"
            )));
        }
        self.notes.push(format!(
            "the event has offset {found} in this hub, and not {given}, which is another form; its number was taken"
        ));
        Ok(())
    }

    async fn first(&self, start: &StartPosition) -> Result<Event, Unresolved> {
        match self.hub.first(self.partition, start).await? {
            Some(event) => Ok(event),
            None => Err(Unresolved::Peer(End::new(
                EndReason::Timeout,
                "the hub did not show an event that it says it has",
            ))),
        }
    }
}

impl From<End> for Unresolved {
    fn from(end: End) -> Self {
        Unresolved::Peer(end)
    }
}
