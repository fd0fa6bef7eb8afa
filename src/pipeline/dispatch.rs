//! One event on its way through decode, route and map: synchronous, and the only place that sees a whole record.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use prometheus::IntGauge;
use tokio::sync::mpsc;

use super::counters::{Counters, Decisions};
use super::undeliverable::Undeliverable;
use super::workspace::{STAGE_BATCH_EVENTS, Workspace};
use crate::acknowledge::{EventInFlight, Held, Window};
use crate::config::target::OnMapError;
use crate::decode::decode;
use crate::deliver::dead_letter::{Content, DeadLetter};
use crate::event::rendered::{About, Original};
use crate::event::{Details, Event, Hub, Kind, Record, RecordField, RejectReason, Rendered};
use crate::map::{MappingSet, RecordContext};
use crate::route::last_delivered::PendingUpdate;
use crate::route::{Decision, Fingerprint, Route, SnapshotRule};

/// What is booked for an event besides its body: its place in the window, its coordinates, what is counted for
/// the audit, the allocator's rounding.
const EVENT_BYTES: usize = 448;
/// What is booked for a rendered record besides its bytes and its key, likewise.
const RECORD_BYTES: usize = size_of::<Rendered>() + 64;

/// What is booked for an update of what a target last delivered: itself, and its place among those on their way.
const UPDATE_BYTES: usize = size_of::<PendingUpdate>() + 48;

/// What a consumer group's readers do with an event; the same for all of its partitions.
#[derive(Debug)]
pub struct Dispatch {
    /// The hub the events come from.
    pub hub: Hub,
    /// The group that reads them.
    pub consumer_group: Arc<str>,
    /// The targets this group feeds.
    pub targets: Vec<Destination>,
    /// What happens to an unknown record that no route takes.
    pub unrouted: Unrouted,
    /// Counters, looked up once.
    pub counters: Counters,
}

/// One target as a reader sees it.
#[derive(Debug)]
pub struct Destination {
    /// Name of the target.
    pub name: Arc<str>,
    /// Which records it wants; `None`: every one.
    pub route: Option<Arc<Route>>,
    /// What renders them.
    pub mapping: Arc<MappingSet>,
    /// What renders a record that `mapping` cannot, if the target wants that.
    pub native: Arc<MappingSet>,
    /// What it gets of the weekly snapshots.
    pub snapshots: SnapshotRule,
    /// What happens to a record the map cannot render.
    pub on_map_error: OnMapError,
    /// What of [`Details`] its workers need.
    pub wanted_details: &'static [RecordField],
    /// The way to its workers.
    pub records: mpsc::Sender<Rendered>,
    /// Records taken by the route, left by it, and dropped as snapshots.
    pub decisions: Decisions,
    /// Records handed to its workers and not settled.
    pub in_flight: IntGauge,
}

/// What happens to an unknown record that no route takes.
#[derive(Debug)]
pub enum Unrouted {
    /// It goes to the dead letters, unless one of these routes of other groups takes it.
    DeadLetter(Vec<Option<Arc<Route>>>),
    /// It is counted, unless one of these routes of other groups takes it.
    Count(Vec<Option<Arc<Route>>>),
    /// Another consumer group sees to it.
    Elsewhere,
}

/// What became of one event.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// Records in the event, whatever became of them.
    pub decoded: usize,
    /// Rendered records with the index of their target, in the order of the event.
    pub records: Vec<(usize, Rendered)>,
    /// Records that reach no target.
    pub letters: Vec<Undeliverable>,
}

/// Decodes, routes and maps one event. `workspace` is reused from event to event.
pub fn dispatch(
    plan: &Dispatch,
    event: &Event,
    in_flight: &Arc<EventInFlight>,
    window: &Arc<Window>,
    workspace: &mut Workspace,
) -> Dispatched {
    let held = Arc::new(window.hold(event.body.len() + EVENT_BYTES));
    let started = Instant::now();
    let records = decode(&plan.hub, event);
    let decoded = Instant::now();
    if records.is_empty() {
        plan.counters.metrics().decode_empty_events_total.inc();
    }
    let mut dispatched = Dispatched {
        decoded: records.len(),
        ..Dispatched::default()
    };
    in_flight.counts_records(u32::try_from(records.len()).unwrap_or(u32::MAX));
    let way = Way {
        plan,
        event,
        in_flight,
        window,
        held: &held,
    };
    for record in &records {
        plan.counters.decoded(record);
        way.record(record, workspace, &mut dispatched);
    }
    workspace.stages.decode += decoded - started;
    workspace.stages.map += decoded.elapsed();
    workspace.stages.events += 1;
    if workspace.stages.events == STAGE_BATCH_EVENTS {
        workspace.stages.observe(plan.counters.metrics());
    }
    dispatched
}

/// A record in a target's form.
enum Rendering {
    /// By the target's own set; the revision of the map.
    Mapped(Bytes, Option<Arc<str>>),
    /// By `native`, because the map could not render it.
    Native(Bytes),
}

/// What the records of one event share.
struct Way<'a> {
    plan: &'a Dispatch,
    event: &'a Event,
    in_flight: &'a Arc<EventInFlight>,
    window: &'a Arc<Window>,
    held: &'a Arc<Held>,
}

impl Way<'_> {
    fn record(&self, record: &Record<'_>, workspace: &mut Workspace, dispatched: &mut Dispatched) {
        if record.kind == Kind::Undecodable {
            let detail = "not JSON, or nested deeper than 128 levels".to_owned();
            dispatched
                .letters
                .push(self.letter(record, "decode", RejectReason::Undecodable, None, detail));
            return;
        }
        let context = RecordContext::new(record);
        let fingerprint = Fingerprint::new(record);
        let mut is_accepted = false;
        let mut rendered: Option<(*const MappingSet, Bytes, Option<Arc<str>>)> = None;
        for (index, target) in self.plan.targets.iter().enumerate() {
            if target
                .route
                .as_ref()
                .is_some_and(|route| !route.accepts(&context))
            {
                target.decisions.filtered();
                self.in_flight.filtered(index);
                continue;
            }
            is_accepted = true;
            if self.in_flight.is_passed(index) {
                target.decisions.repeated();
                self.in_flight.repeated(index);
                continue;
            }
            let update = match target.snapshots.decide(&fingerprint) {
                Decision::Forward(update) => update,
                Decision::Suppress(reason) => {
                    target.decisions.suppress(reason);
                    self.in_flight.suppressed(index);
                    continue;
                }
            };
            target.decisions.accepted();
            // Neighbouring targets with the same set share one rendering.
            let same = rendered
                .as_ref()
                .filter(|(set, ..)| std::ptr::eq(*set, Arc::as_ptr(&target.mapping)));
            let (bytes, revision) = match same {
                Some((_, bytes, revision)) => (bytes.clone(), revision.clone()),
                None => match self.render(index, &context, workspace) {
                    Ok(Rendering::Mapped(bytes, revision)) => {
                        rendered = Some((Arc::as_ptr(&target.mapping), bytes.clone(), revision.clone()));
                        (bytes, revision)
                    }
                    // Not shared: a neighbour may want a dead letter in its place.
                    Ok(Rendering::Native(bytes)) => (bytes, None),
                    Err(detail) => {
                        // Earlier than the letter is on disk; forgetting too soon only repeats.
                        update.into_iter().for_each(PendingUpdate::rejected);
                        let letter = self.letter(record, "map", RejectReason::MapError, Some(index), detail);
                        dispatched.letters.push(letter);
                        continue;
                    }
                },
            };
            dispatched
                .records
                .push((index, self.rendered(record, index, bytes, revision, update)));
        }
        if !is_accepted && record.kind == Kind::Unknown {
            self.unrouted(record, &context, dispatched);
        }
    }

    fn render(
        &self,
        index: usize,
        context: &RecordContext<'_>,
        workspace: &mut Workspace,
    ) -> Result<Rendering, String> {
        let target = &self.plan.targets[index];
        let Workspace { scratch, chunks, .. } = workspace;
        scratch.clear();
        let error = match target.mapping.render(context, scratch) {
            Ok(rendering) => {
                target.decisions.mapped(&rendering);
                return Ok(Rendering::Mapped(
                    chunks[index].store(scratch),
                    rendering.revision,
                ));
            }
            Err(error) => error,
        };
        let errors = &self.plan.counters.metrics().map_errors_total;
        errors
            .with_label_values(&[&*target.name, target.mapping.name()])
            .inc();
        if target.on_map_error == OnMapError::DeadLetter {
            return Err(error.to_string());
        }
        scratch.clear();
        match target.native.render(context, scratch) {
            Ok(_) => Ok(Rendering::Native(chunks[index].store(scratch))),
            Err(error) => Err(error.to_string()),
        }
    }

    fn rendered(
        &self,
        record: &Record<'_>,
        target: usize,
        bytes: Bytes,
        revision: Option<Arc<str>>,
        update: Option<PendingUpdate>,
    ) -> Rendered {
        let key_bytes = record.key.as_ref().map_or(0, |key| key.len());
        let details = Details::of(record, self.plan.targets[target].wanted_details);
        let details_bytes = details
            .as_ref()
            .map_or(0, |details| size_of::<Details>() + details.bytes());
        let update_bytes = update.as_ref().map_or(0, |_| UPDATE_BYTES);
        Rendered {
            held: self
                .window
                .hold(bytes.len() + key_bytes + details_bytes + update_bytes + RECORD_BYTES),
            bytes,
            about: About {
                kind: record.kind,
                index: record.index,
                event_id: record.event_id,
                key: record.key.as_deref().map(Box::from),
                time: record.time,
                is_snapshot: record.is_snapshot,
                mapping_revision: revision,
                details,
            },
            original: Some(Original {
                bytes: self.event.body.slice(record.range.clone()),
                held: Arc::clone(self.held),
            }),
            ticket: self.in_flight.ticket_for(target).updating(update),
        }
    }

    fn unrouted(&self, record: &Record<'_>, context: &RecordContext<'_>, dispatched: &mut Dispatched) {
        let (others, is_counted) = match &self.plan.unrouted {
            Unrouted::Elsewhere => return,
            Unrouted::DeadLetter(others) => (others, false),
            Unrouted::Count(others) => (others, true),
        };
        let is_wanted_elsewhere = others
            .iter()
            .any(|route| route.as_ref().is_none_or(|route| route.accepts(context)));
        if is_wanted_elsewhere {
            return;
        }
        if is_counted {
            self.plan.counters.metrics().route_unrouted_unknown_total.inc();
            self.in_flight.unrouted();
            return;
        }
        let detail = "a record of unknown type that no route of any target takes".to_owned();
        dispatched
            .letters
            .push(self.letter(record, "route", RejectReason::UnroutedUnknown, None, detail));
    }

    fn letter(
        &self,
        record: &Record<'_>,
        stage: &'static str,
        reason: RejectReason,
        target: Option<usize>,
        detail: String,
    ) -> Undeliverable {
        let letter = DeadLetter {
            event_id: Some(record.event_id),
            hub: self.plan.hub.clone(),
            consumer_group: Arc::clone(&self.plan.consumer_group),
            partition: self.event.partition.clone(),
            sequence_number: self.event.sequence_number,
            offset: Some(self.event.offset.clone()),
            enqueued_time: Some(self.event.enqueued_time),
            record_index: record.index,
            kind: record.kind,
            key: record.key.as_deref().map(Box::from),
            target: target.map(|index| Arc::clone(&self.plan.targets[index].name)),
            stage,
            reason,
            detail,
            mapping_revision: None,
            content: Content::Body(self.event.body.slice(self.dead_letter_range(record))),
        };
        let ticket = match target {
            Some(index) => self.in_flight.ticket_for(index),
            None => self.in_flight.ticket(),
        };
        Undeliverable {
            letter,
            ticket,
            held: Arc::clone(self.held),
        }
    }

    /// Of an undecodable record the whole event is kept: what is wrong with it may stand before it.
    fn dead_letter_range(&self, record: &Record<'_>) -> std::ops::Range<usize> {
        if record.kind == Kind::Undecodable {
            0..self.event.body.len()
        } else {
            record.range.clone()
        }
    }
}
