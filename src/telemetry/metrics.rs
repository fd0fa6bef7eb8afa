//! Every metric of the bridge, in one place. Dashboards and alerts bind to these names.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Seconds from 1 ms to about 17 minutes: a confirmation takes milliseconds on a file and minutes on a busy indexer.
const CONFIRMATION_BUCKETS: &[f64] = &[
    0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1000.0,
];

/// Seconds from 10 µs to 2.5 s: what one stage spends on one batch.
const STAGE_BUCKETS: &[f64] = &[0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5];

macro_rules! metrics {
    ($( $(#[doc = $help:literal])+ $field:ident : $type:ident $( [ $($label:literal),* ] )? $( { $buckets:ident } )? ; )*) => {
        /// Handles to every metric; cloned into the stages by reference.
        #[derive(Debug)]
        pub struct Metrics {
            /// Where the handles are registered and what `/metrics` writes.
            pub registry: Registry,
            $( $(#[doc = $help])+ pub $field: $type, )*
        }

        impl Metrics {
            /// Creates and registers every metric.
            pub fn new() -> Self {
                let registry = Registry::new();
                $(
                    let help = concat!($($help),+).trim();
                    let name = concat!("hub2siem_", stringify!($field));
                    let $field = metrics!(@make $type, name, help $(, [$($label),*])? $(, {$buckets})?);
                    register(&registry, $field.clone());
                )*
                Self { registry, $($field,)* }
            }

            /// Name, type, labels and help of every metric, in the order of the event's way, for the reference.
            pub fn describe() -> Vec<Description> {
                vec![$( Description {
                    name: concat!("hub2siem_", stringify!($field)),
                    metric_type: metrics!(@kind $type),
                    labels: &[$($($label),*)?],
                    help: concat!($($help),+).trim(),
                } ),*]
            }
        }
    };
    (@make IntCounter, $name:ident, $help:ident) => { IntCounter::new($name, $help).expect(VALID) };
    (@make IntGauge, $name:ident, $help:ident) => { IntGauge::new($name, $help).expect(VALID) };
    (@make Gauge, $name:ident, $help:ident) => { Gauge::new($name, $help).expect(VALID) };
    (@make IntCounterVec, $name:ident, $help:ident, [$($label:literal),*]) => {
        IntCounterVec::new(Opts::new($name, $help), &[$($label),*]).expect(VALID)
    };
    (@make IntGaugeVec, $name:ident, $help:ident, [$($label:literal),*]) => {
        IntGaugeVec::new(Opts::new($name, $help), &[$($label),*]).expect(VALID)
    };
    (@make GaugeVec, $name:ident, $help:ident, [$($label:literal),*]) => {
        GaugeVec::new(Opts::new($name, $help), &[$($label),*]).expect(VALID)
    };
    (@make Histogram, $name:ident, $help:ident, {$buckets:ident}) => {
        Histogram::with_opts(HistogramOpts::new($name, $help).buckets($buckets.to_vec())).expect(VALID)
    };
    (@make HistogramVec, $name:ident, $help:ident, [$($label:literal),*], {$buckets:ident}) => {
        HistogramVec::new(HistogramOpts::new($name, $help).buckets($buckets.to_vec()), &[$($label),*]).expect(VALID)
    };
    (@kind IntCounter) => { "counter" };
    (@kind IntCounterVec) => { "counter" };
    (@kind Histogram) => { "histogram" };
    (@kind HistogramVec) => { "histogram" };
    (@kind $gauge:ident) => { "gauge" };
}

const VALID: &str = "names and labels in this file are valid";

metrics! {
    /// Always 1; the labels say which build runs.
    build_info: IntGaugeVec ["version"];
    /// Number of the configuration in use: 1 at the start, one more with each reload that was applied.
    config_edition: IntGauge;
    /// 0 while the files differ from what is in use because the last reload was refused, else 1.
    config_last_reload_successful: IntGauge;
    /// Reloads by their result: `applied`, `unchanged`, `invalid`, `needs_restart`.
    config_reloads_total: IntCounterVec ["result"];
    /// 1 where a peer's TLS certificate is not verified.
    tls_verification_off: IntGaugeVec ["target"];

    /// Tokens of Microsoft Entra ID that were asked for, by what they are for and by the outcome: `renewed`, `throttled`, `unavailable`, `refused`.
    credential_renewals_total: IntCounterVec ["audience", "outcome"];
    /// When the token in use ends, in seconds since 1970; minus the present time it is what is left.
    credential_expiry_timestamp_seconds: IntGaugeVec ["audience"];

    /// Events received from the hub.
    eventhub_received_events_total: IntCounterVec ["partition", "consumer_group"];
    /// Bytes of the bodies of events received.
    eventhub_received_bytes_total: IntCounterVec ["consumer_group"];
    /// Events the hub sent again after a reconnect; dropped, because they were already taken in.
    eventhub_repeated_events_total: IntCounterVec ["partition", "consumer_group"];
    /// Sequence numbers skipped between two neighbouring events.
    eventhub_missing_events_total: IntCounterVec ["partition", "consumer_group"];
    /// Events that the hub's retention removed before they were read: lost for good.
    eventhub_lost_events_total: IntCounterVec ["partition", "consumer_group"];
    /// Starts at an offset whose event the hub had removed: events after it may be lost, and how many is not known.
    eventhub_gone_offsets_total: IntCounterVec ["partition", "consumer_group"];
    /// Events that the AMQP library refused; dead-lettered by their coordinates.
    eventhub_unreadable_events_total: IntCounterVec ["partition", "consumer_group"];
    /// Sequence number of the event received last.
    eventhub_last_sequence_number: IntGaugeVec ["partition", "consumer_group"];
    /// Events in the hub that are not settled yet.
    eventhub_lag_events: IntGaugeVec ["partition", "consumer_group"];
    /// Age of the last settled event while events wait; 0 without lag.
    eventhub_lag_seconds: GaugeVec ["partition", "consumer_group"];
    /// Reconnects by the class of their cause.
    eventhub_reconnects_total: IntCounterVec ["reason"];
    /// Links given up because they brought nothing although the hub had newer events and credit to send them.
    eventhub_stuck_total: IntCounterVec ["partition", "consumer_group"];
    /// Partitions with a checkpoint, or read before, that the hub no longer has.
    eventhub_gone_partitions: IntGaugeVec ["consumer_group"];
    /// Time since the hub took in its newest event, as far as it has said.
    eventhub_seconds_since_last_event: GaugeVec ["consumer_group"];
    /// 1 while the hub has taken in nothing for longer than `event_hub.expect_event_every`, else 0; shown with that option.
    eventhub_event_overdue: IntGaugeVec ["consumer_group"];
    /// 1 while the partition's link is attached.
    eventhub_attached: IntGaugeVec ["partition", "consumer_group"];
    /// 1 while this instance owns the partition. Shown only where instances share the partitions.
    eventhub_owned: IntGaugeVec ["partition", "consumer_group"];
    /// Instances that own partitions of the group, this one included.
    eventhub_instances: IntGaugeVec ["consumer_group"];
    /// Partitions that no instance owns.
    eventhub_unowned_partitions: IntGaugeVec ["consumer_group"];
    /// Claims by whose the partition was: `nobody`, `expired` (an instance that stopped renewing), `ourselves`, `instance` (taken over for an equal share); and those that came too late, `refused`.
    eventhub_ownership_claims_total: IntCounterVec ["consumer_group", "origin"];
    /// Partitions this instance lost: `taken` by another instance, `interrupted` at the hub by a reader that does not own them, or `displaced` by one again after they were taken back.
    eventhub_ownership_losses_total: IntCounterVec ["consumer_group", "reason"];
    /// Time one look at the ownership took: renewals, list and claims.
    eventhub_ownership_cycle_seconds: HistogramVec ["consumer_group"] {CONFIRMATION_BUCKETS};
    /// Looks at the ownership that failed at the store or the hub; the next one follows by itself.
    eventhub_ownership_errors_total: IntCounterVec ["consumer_group"];

    /// Records decoded.
    decode_records_total: IntCounterVec ["kind", "snapshot"];
    /// Events that held no record: an empty list.
    decode_empty_events_total: IntCounter;
    /// Top-level fields outside the known shape of their kind.
    decode_unknown_fields_total: IntCounterVec ["kind"];
    /// Time spent decoding one batch: the events that were there without a wait, at most 64.
    decode_seconds: Histogram {STAGE_BUCKETS};

    /// Records each target's route took (`accepted`) or left (`filtered`), snapshots it does not want (`suppressed`), and what it confirmed in an earlier run and another target of its group had not (`repeated`).
    route_records_total: IntCounterVec ["target", "decision"];
    /// Snapshots a target does not want, by the reason: `dropped`, `unchanged` since it last delivered the item, or `small_score_change`.
    route_suppressed_snapshots_total: IntCounterVec ["target", "reason"];
    /// Items of which it is remembered what the target last delivered.
    route_remembered_items: IntGaugeVec ["target"];
    /// Memory taken by them.
    route_remembered_bytes: IntGaugeVec ["target"];
    /// Items forgotten for want of room, those first that were delivered longest ago; their next snapshot is delivered once more.
    route_evicted_items_total: IntCounterVec ["target"];
    /// Unknown records that no route took and that are only counted, by configuration.
    route_unrouted_unknown_total: IntCounter;

    /// Records a map could not render.
    map_errors_total: IntCounterVec ["target", "mapping"];
    /// Leftover values that were cut or left out for size, each marked in the output; values of a text format that were cut to the length of their key, do not fit its type, or, in LEEF, lost the delimiter.
    map_cut_values_total: IntCounterVec ["target"];
    /// Values of records that their map does not take and a text format (CEF, LEEF) has no place for.
    map_left_out_values_total: IntCounterVec ["target"];
    /// Time spent routing and mapping the records of one batch of events.
    map_seconds: Histogram {STAGE_BUCKETS};
    /// Always 1; the labels say which revision of a map a target uses.
    mapping_revision_info: IntGaugeVec ["target", "mapping", "revision"];

    /// Tries by their outcome: `delivered`, `rejected`, `retry`.
    deliver_records_total: IntCounterVec ["target", "outcome"];
    /// Rendered bytes confirmed by the target.
    deliver_bytes_total: IntCounterVec ["target"];
    /// Batches sent, resent ones included.
    deliver_batches_total: IntCounterVec ["target"];
    /// Records handed to the target's workers and not settled.
    deliver_in_flight_records: IntGaugeVec ["target"];
    /// Time from sending a batch to its confirmation.
    deliver_confirmation_seconds: HistogramVec ["target"] {CONFIRMATION_BUCKETS};
    /// Time spent encoding and compressing one batch.
    deliver_seconds: HistogramVec ["target"] {STAGE_BUCKETS};
    /// 1 while a target refuses everything for a reason that only an operator can remove.
    deliver_blocked: IntGaugeVec ["target", "reason"];
    /// Time until the hub's retention reaches the oldest event that waits for the target. Shown with `event_hub.retention`, while one has waited for a minute.
    deliver_retention_left_seconds: GaugeVec ["target"];
    /// Older events that the hub still keeps and removes before the oldest one that waits for the target. Shown while one has waited for a minute, once the hub was asked what it keeps.
    deliver_retention_left_events: IntGaugeVec ["target"];
    /// 1 where `given_up` sends the records of a target to the dead letters, else 0.
    deliver_given_up: IntGaugeVec ["target"];
    /// Tries that have to be repeated, by the class of their cause.
    deliver_retries_total: IntCounterVec ["target", "reason"];
    /// Records the peer said it had before, under the same id; they count as delivered.
    deliver_repeated_records_total: IntCounterVec ["target"];
    /// Connections made after the first one.
    deliver_reconnects_total: IntCounterVec ["target"];
    /// Records written on a connection that ended before they were confirmed; written again on the next one.
    deliver_resent_records_total: IntCounterVec ["target"];
    /// Lines of CEF or LEEF that lost fields to fit the target's `message_limit`, those of a repeated write included.
    deliver_truncated_records_total: IntCounterVec ["target"];
    /// Time one write waited for room at the receiver.
    deliver_write_seconds: HistogramVec ["target"] {CONFIRMATION_BUCKETS};
    /// 1 while there is a connection to the receiver, with `relp` a session, else 0; only for kinds that keep one.
    deliver_connected: IntGaugeVec ["target"];
    /// Records that waited for the target's `rate`.
    deliver_rate_limited_records_total: IntCounterVec ["target"];

    /// Messages that wait in the Kafka client or are on their way.
    deliver_kafka_queue_messages: IntGaugeVec ["target"];
    /// Bytes of them.
    deliver_kafka_queue_bytes: IntGaugeVec ["target"];
    /// Times the Kafka client had no room and a delivery report was waited for.
    deliver_kafka_queue_full_total: IntCounterVec ["target"];
    /// Brokers that a connection is up to.
    deliver_kafka_brokers_up: IntGaugeVec ["target"];
    /// Mean time between a request and its answer at the slowest broker.
    deliver_kafka_round_trip_seconds: GaugeVec ["target"];
    /// Mean messages of a batch lately, at the topic with the largest.
    deliver_kafka_batch_messages: IntGaugeVec ["target"];
    /// Requests that the Kafka client sent again by itself.
    deliver_kafka_request_retries_total: IntCounterVec ["target"];
    /// Requests that brokers did not answer in time.
    deliver_kafka_request_timeouts_total: IntCounterVec ["target"];
    /// Producers replaced after a fatal error.
    deliver_kafka_rebuilds_total: IntCounterVec ["target"];
    /// Transactions of `exactly_once` by their end: committed, aborted and done again, fenced by another writer, unclear.
    deliver_kafka_transactions_total: IntCounterVec ["target", "outcome"];

    /// Events received and not settled.
    acknowledge_window_events: IntGaugeVec ["consumer_group"];
    /// Bytes held for them.
    acknowledge_window_bytes: IntGaugeVec ["consumer_group"];

    /// Sequence number of the checkpoint this process stored last.
    checkpoint_sequence_number: IntGaugeVec ["partition", "consumer_group"];
    /// Age of the last stored checkpoint while something newer waits to be stored.
    checkpoint_age_seconds: GaugeVec ["partition", "consumer_group"];
    /// Checkpoints that could not be stored; they are tried again.
    checkpoint_errors_total: IntCounter;
    /// Times the audit could not be written; it is written with the next checkpoint.
    audit_errors_total: IntCounter;
    /// Time spent storing one checkpoint.
    checkpoint_seconds: Histogram {STAGE_BUCKETS};

    /// Records written to the dead letters.
    dead_letter_records_total: IntCounterVec ["target", "reason"];
    /// Copies for `dead_letter.forward_to` by their outcome: `delivered`, `refused` by the target, `dropped` because it was behind.
    dead_letter_forwarded_records_total: IntCounterVec ["outcome"];
    /// Size of the dead letters on disk.
    dead_letter_bytes: IntGauge;

    /// Lines of the log dropped because whatever reads standard error took none.
    log_dropped_lines_total: IntCounter;
}

/// One line of the metrics reference.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Full name, as scraped.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub metric_type: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it counts, with its unit.
    pub help: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn register(registry: &Registry, collector: impl Collector + 'static) {
    registry
        .register(Box::new(collector))
        .expect("every name in this file is used once");
}
