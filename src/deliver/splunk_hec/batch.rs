//! Records that travel together.

use tokio::time::Instant;

use super::envelope::Envelopes;
use super::request::Request;
use crate::event::Rendered;

/// Records of one request, from the first one gathered to the last one settled.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in the order they came.
    pub records: Vec<Rendered>,
    /// Size before compression, slightly overestimated.
    pub size: usize,
    /// Bytes of the rendered records.
    pub rendered_bytes: u64,
    /// One bit for each index its records go to.
    pub indexes: u16,
    /// The encoded request, if it was sent before.
    pub request: Option<Request>,
    /// When it was sent first.
    pub first_sent: Option<Instant>,
    /// Replies that nobody should give, in a row.
    pub surprises: u32,
    /// Endpoint of the last surprise, and how many records it had accepted by then.
    pub surprised_at: Option<(usize, u64)>,
    /// Endpoint that refused this record within a larger batch, and the size of that batch.
    pub suspected_by: Option<(usize, usize)>,
    /// Whether it goes alone to find out whether acknowledgements come again.
    pub is_probe: bool,
}

impl Batch {
    /// Adds a record at the end.
    pub fn push(&mut self, record: Rendered, envelopes: &Envelopes) {
        self.size += envelopes.size(&record);
        self.rendered_bytes += record.bytes.len() as u64;
        self.indexes |= 1 << envelopes.index(record.about.kind);
        self.records.push(record);
    }

    /// A batch of these records, nothing known of it yet.
    pub fn of(records: impl IntoIterator<Item = Rendered>, envelopes: &Envelopes) -> Self {
        let mut batch = Batch::default();
        records
            .into_iter()
            .for_each(|record| batch.push(record, envelopes));
        batch
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Lets go of the records' bytes: from now on the request is their only copy, and the window books what is kept.
    pub fn release(&mut self) {
        debug_assert!(self.request.is_some(), "something must keep the records");
        for record in &mut self.records {
            record.bytes = bytes::Bytes::new();
            record.original = None;
            let key = record.about.key.as_ref().map_or(0, |key| key.len());
            record.held.resize(size_of::<Rendered>() + key);
        }
    }

    /// Takes the rendered records out of the request again, if they were let go, and drops the request.
    pub fn restore(&mut self) {
        let Some(request) = self.request.take() else {
            return;
        };
        if self.records.iter().all(|record| !record.bytes.is_empty()) {
            return;
        }
        for (record, event) in self.records.iter_mut().zip(request.events()) {
            record.held.resize(event.len());
            record.bytes = event;
        }
    }

    /// The same records as two batches, the first half first. There must be more than one record.
    pub fn halves(mut self, envelopes: &Envelopes) -> [Batch; 2] {
        debug_assert!(self.len() > 1, "a single record has no halves");
        self.restore();
        let second = self.records.split_off(self.len().div_ceil(2));
        [self.records, second].map(|records| Batch::of(records, envelopes))
    }

    /// The same records, one batch for each index, in the order of the indexes' numbers.
    pub fn by_index(mut self, envelopes: &Envelopes) -> Vec<Batch> {
        self.restore();
        let mut batches: Vec<Batch> = Vec::new();
        for record in self.records {
            let bit = 1 << envelopes.index(record.about.kind);
            match batches.iter_mut().find(|batch| batch.indexes == bit) {
                Some(batch) => batch.push(record, envelopes),
                None => batches.push(Batch::of([record], envelopes)),
            }
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::acknowledge::{InFlight, Window};
    use crate::deliver::splunk_hec::config::Time;
    use crate::event::rendered::About;
    use crate::event::{Event, EventId, Hub, Kind, Offset, PartitionId, SequenceNumber, Timestamp};

    fn batch(kinds: &[Kind], window: &std::sync::Arc<Window>, envelopes: &Envelopes) -> Batch {
        let in_flight = InFlight::new(PartitionId::new("0"), 0, std::sync::Arc::clone(window));
        let records = kinds.iter().zip(0..).map(|(kind, number)| {
            let event = Event {
                partition: PartitionId::new("0"),
                sequence_number: SequenceNumber(number),
                offset: Offset::new("0"),
                enqueued_time: Timestamp::from_millis(number),
                body: Bytes::new(),
                last_enqueued: None,
            };
            let text = "x".repeat(number as usize * 700);
            // Every fifth is a line of text, which travels as a JSON string.
            let bytes = Bytes::from(match number % 5 {
                4 => format!("CEF:0|a|b|1|{number}|\\\\ \"n\"|3|msg={text}"),
                _ => format!("{{\"number\":{number},\"text\":{text:?}}}"),
            });
            Rendered {
                about: About {
                    kind: *kind,
                    index: 0,
                    event_id: EventId::new(
                        &hub(),
                        &event.partition,
                        event.sequence_number,
                        event.enqueued_time,
                        0,
                    ),
                    key: (number % 2 == 0).then(|| "key".into()),
                    time: Timestamp::from_millis(0),
                    is_snapshot: false,
                    mapping_revision: None,
                    details: None,
                },
                original: None,
                held: window.hold(bytes.len()),
                ticket: in_flight.begin(&event).ticket(),
                bytes,
            }
        });
        Batch::of(records, envelopes)
    }

    fn hub() -> Hub {
        Hub {
            namespace: "contoso".into(),
            name: "defender".into(),
        }
    }

    fn bytes(batch: &Batch) -> Vec<Bytes> {
        batch.records.iter().map(|record| record.bytes.clone()).collect()
    }

    /// Scenario: records are encoded, let go of and taken out of the request again, compressed or not.
    /// Guarantees: the same bytes in the same order; the window books the request meanwhile and the records after.
    #[test]
    fn restores_what_it_released() {
        for is_gzip in [true, false] {
            let envelopes = Envelopes::for_test(Time::Auto, None, &hub());
            let window = Window::new(1_000, 1 << 20);
            let mut batch = batch(&[Kind::Assessment; 70], &window, &envelopes);
            let (before, held) = (bytes(&batch), window.bytes());
            let request = Request::encode(&batch.records, &envelopes, is_gzip, &mut Vec::new());
            assert!(
                is_gzip || request.body.len() <= batch.size,
                "the size is no underestimate"
            );
            batch.request = Some(request);
            batch.release();
            assert!(
                !is_gzip || window.bytes() < held / 10,
                "{} of {held}",
                window.bytes()
            );
            assert!(bytes(&batch).iter().all(Bytes::is_empty));
            batch.restore();
            assert_eq!(bytes(&batch), before);
            assert_eq!(window.bytes(), held);
        }
    }

    #[test]
    fn divides_in_order() {
        let envelopes = Envelopes::for_test(Time::Auto, Some("{kind}"), &hub());
        let window = Window::new(1_000, 1 << 20);
        let kinds = [
            Kind::Alert,
            Kind::Assessment,
            Kind::Alert,
            Kind::SecureScore,
            Kind::Alert,
        ];
        let whole = batch(&kinds, &window, &envelopes);
        let all = bytes(&whole);
        let halves = whole.halves(&envelopes);
        assert_eq!(halves.each_ref().map(Batch::len), [3, 2]);
        assert_eq!(halves.iter().flat_map(bytes).collect::<Vec<_>>(), all);
        let parts = batch(&kinds, &window, &envelopes).by_index(&envelopes);
        let texts: Vec<Vec<Bytes>> = parts.iter().map(bytes).collect();
        let pick = |numbers: &[usize]| {
            numbers
                .iter()
                .map(|number| all[*number].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts, [pick(&[0, 2, 4]), pick(&[1]), pick(&[3])]);
        assert!(parts.iter().all(|part| part.indexes.count_ones() == 1));
    }
}
