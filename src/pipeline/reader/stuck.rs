//! What is done about a link that brings nothing although the hub has more.

use std::time::Instant;

use super::Reader;
use super::reading::{Asked, Reading};
use super::watch::{Observation, Verdict};
use crate::acknowledge::Mark;
use crate::eventhub::{EndReason, PartitionProperties, PartitionReader, Standing};

/// After so many new connections without an event it is no passing fault.
const TRIES_BEFORE_ALARM: u32 = 2;

impl Reader {
    /// Acts on what the hub said of the partition while nothing arrived.
    pub(super) fn judge(&self, asked: Asked, hub: &mut PartitionReader, reading: &mut Reading) {
        let (properties, at) = match asked {
            Asked::Told(properties, at) => (properties, at),
            Asked::Failed(end) => {
                tracing::debug!(
                    partition = %self.partition, cause = %end,
                    "failed to ask a partition for its oldest and newest event"
                );
                match end.reason {
                    // A hub that is throttled may be slow to send as well.
                    EndReason::ServerBusy => reading.watch.stirred(),
                    EndReason::Timeout
                        if hub.is_attached()
                            && hub.outstanding() > 0
                            && reading.watch.unanswered(Instant::now()) == Verdict::Stuck =>
                    {
                        self.attach_anew("it brings neither events nor answers", hub, reading);
                    }
                    _ => {}
                }
                return;
            }
        };
        self.status.first_kept(properties.begin_sequence_number);
        self.status.last_enqueued(&properties.last_enqueued());
        let standing = hub.standing(&properties);
        let seen = Observation {
            standing,
            has_credit: hub.is_attached() && hub.outstanding() > 0,
        };
        let verdict = reading.watch.seen(seen, at);
        if reading.watch.tries() == 0 {
            self.status.stuck(None);
        }
        match verdict {
            Verdict::Well => {}
            Verdict::Doubted => {
                tracing::info!(
                    partition = %self.partition, consumer_group = &*self.consumer_group,
                    sequence_number = %properties.last_sequence_number,
                    "the newest events cannot be read, it seems; the partition is attached again on a new connection before they \
                     are passed"
                );
                hub.give_up_connection("its newest events seem to be unreadable");
            }
            Verdict::Unread(last) => hub.pass_unread(&properties, last),
            Verdict::Removed => self.pass_removed(&properties, hub, reading),
            Verdict::Stuck => {
                let newest = properties.last_sequence_number;
                let symptom = match (standing, hub.last_sequence_number()) {
                    (Standing::Short, Some(last)) => {
                        format!(
                            "number {last} was received, and the hub has events up to number {newest} only"
                        )
                    }
                    _ => format!("the hub has events up to number {newest}, and its link brings none"),
                };
                self.attach_anew(&symptom, hub, reading);
            }
        }
    }

    /// Passes what the hub removed, once nothing is in flight that could be confused with it.
    fn pass_removed(&self, properties: &PartitionProperties, hub: &mut PartitionReader, reading: &Reading) {
        if !reading.in_flight.is_empty() {
            return;
        }
        let Some(loss) = hub.pass_removed(properties) else {
            return;
        };
        self.lost(&loss, reading);
        reading.in_flight.pass(Mark {
            sequence_number: properties.last_sequence_number,
            offset: properties.last_offset.clone(),
            enqueued_time: properties.last_enqueued_time,
        });
    }

    fn attach_anew(&self, symptom: &str, hub: &mut PartitionReader, reading: &Reading) {
        let (partition, consumer_group) = (&self.partition, &*self.consumer_group);
        let (tries, silent_seconds) = (reading.watch.tries(), reading.last_event.elapsed().as_secs());
        let labels = [self.partition.as_str(), consumer_group];
        self.metrics.eventhub_stuck_total.with_label_values(&labels).inc();
        if tries < TRIES_BEFORE_ALARM {
            tracing::warn!(
                %partition, consumer_group, silent_seconds,
                "the partition is attached again on a new connection: {symptom}"
            );
        } else {
            let problem = format!("{symptom}; {tries} new connections did not help");
            tracing::error!(
                %partition, consumer_group, silent_seconds, tries,
                hint = "see that no other program reads this consumer group, and run `hub2siem check --connect` from another \
                        machine; if both are well, it is a fault of the service: ask its support, with hub, partition and time",
                "the partition is stuck: {problem}"
            );
            self.status.stuck(Some(problem));
        }
        hub.give_up_connection(symptom.to_owned());
    }

    /// An event arrived, after so many new connections that brought none.
    pub(super) fn moves_again(&self, tries: u32) {
        if tries == 0 {
            return;
        }
        self.status.stuck(None);
        tracing::info!(
            partition = %self.partition, consumer_group = &*self.consumer_group, tries,
            "the partition is no longer stuck: events arrive"
        );
    }
}
