//! What a reader does with an event: it is taken in, dispatched, and handed to the targets.

use std::time::Instant;

use super::Reader;
use super::reading::Reading;
use crate::event::Event;
use crate::pipeline::dispatch::{Dispatch, Dispatched, dispatch};
use crate::pipeline::queue;
use crate::pipeline::undeliverable::Unreadable;

impl Reader {
    pub(super) async fn event(&self, event: Event, reading: &mut Reading) -> bool {
        reading.last_event = Instant::now();
        reading.credit.received(event.body.len());
        reading.counters.count(&event);
        self.status.enqueued(event.enqueued_time);
        if let Some(last) = &event.last_enqueued {
            self.status.last_enqueued(last);
        }
        let in_flight = reading.in_flight.begin(&event);
        reading.dispatch.refresh();
        let dispatched = dispatch(
            reading.dispatch.dispatch(),
            &event,
            &in_flight,
            &self.window,
            &mut reading.workspace,
        );
        drop(event);
        in_flight.close();
        tokio::select! {
            () = self.hand_over(dispatched, reading.dispatch.dispatch()) => true,
            () = self.stop.intake.cancelled() => false,
        }
    }

    /// The targets' queues are bounded, so this waits while a target takes nothing; the room is booked meanwhile.
    async fn hand_over(&self, dispatched: Dispatched, dispatch: &Dispatch) {
        for (index, record) in dispatched.records {
            let target = &dispatch.targets[index];
            if !queue::send(&target.records, &target.in_flight, record).await {
                return;
            }
        }
        for undeliverable in dispatched.letters {
            if self.undeliverable.send(undeliverable).await.is_err() {
                return;
            }
        }
    }

    /// An event the library refused: a dead letter with its coordinates, so that it is not met again for ever.
    pub(super) async fn unreadable(&self, event: Unreadable, reading: &mut Reading) -> bool {
        if let Some(events) = reading.unreadable.count() {
            tracing::error!(
                partition = %self.partition,
                consumer_group = &*self.consumer_group,
                sequence_number = %event.sequence_number,
                events,
                detail = event.detail,
                "event cannot be read; it is dead-lettered by its coordinates"
            );
        }
        let labels = [self.partition.as_str(), &self.consumer_group];
        self.metrics
            .eventhub_unreadable_events_total
            .with_label_values(&labels)
            .inc();
        let hub = &reading.dispatch.dispatch().hub;
        let undeliverable = event.take_in(&reading.in_flight, hub, &self.consumer_group, &self.window);
        tokio::select! {
            sent = self.undeliverable.send(undeliverable) => sent.is_ok(),
            () = self.stop.intake.cancelled() => false,
        }
    }
}
