//! Says and counts what the hub removed before it was read, or may have.

use super::reading::Reading;
use super::{Reader, count};
use crate::event::{Loss, Offset, SequenceNumber, Timestamp};

impl Reader {
    /// Tells of a loss, before the event after it is taken in.
    pub(super) fn lost(&self, loss: &Loss, reading: &Reading) {
        reading.in_flight.lost(count(loss.events));
        tracing::error!(
            partition = %self.partition,
            consumer_group = &*self.consumer_group,
            events = loss.events,
            first_sequence_number = %loss.after.next(),
            last_sequence_number = loss.before.0 - 1,
            enqueued_after = loss.enqueued_after.map(tracing::field::display),
            enqueued_before = %loss.enqueued_before,
            hint = "they are gone from the hub; docs/operations.md, `Hub2siemEventsLost`, says what can still be had",
            "{} events are lost for good, {loss}: the hub removed them before they were read",
            loss.events
        );
        self.metrics
            .eventhub_lost_events_total
            .with_label_values(&[self.partition.as_str(), &self.consumer_group])
            .inc_by(count(loss.events));
    }

    /// Tells that events may be lost, before the one is taken in that is first now.
    pub(super) fn perhaps_lost(&self, offset: &Offset, before: SequenceNumber, enqueued_before: Timestamp) {
        tracing::error!(
            partition = %self.partition,
            consumer_group = &*self.consumer_group,
            %offset, first_sequence_number = %before, %enqueued_before,
            hint = "compare with what the other consumer delivered last; docs/operations.md, `Hub2siemOffsetGone`, says what is \
                    known",
            "events may be lost: reading began at an offset whose event the hub has removed, so those after it may be removed \
             as well, and without its number they cannot be counted; reading goes on at number {before}, enqueued at \
             {enqueued_before}"
        );
        self.metrics
            .eventhub_gone_offsets_total
            .with_label_values(&[self.partition.as_str(), &self.consumer_group])
            .inc();
    }
}
