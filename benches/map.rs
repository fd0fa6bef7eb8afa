//! From the bytes of an event to the bytes of a mapped record, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hub2siem::decode;
use hub2siem::decode::json::{parse, write_value};
use hub2siem::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};
use hub2siem::map::{Mappings, RecordContext};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Real-sized bodies, one of each kind that the export sends; the first two are those the bounds are given for.
const BODIES: [(&str, &str); 6] = [
    ("alert", include_str!("bodies/alert.json")),
    ("assessment", include_str!("bodies/assessment.json")),
    (
        "sub_assessment",
        include_str!("../tests/fixtures/sub_assessment/container.json"),
    ),
    (
        "secure_score",
        include_str!("../tests/fixtures/secure_score/streaming.json"),
    ),
    (
        "regulatory_compliance_assessment",
        include_str!("../tests/fixtures/regulatory_compliance_assessment/failed.json"),
    ),
    (
        "attack_path",
        include_str!("../tests/fixtures/attack_path/wrapper.json"),
    ),
];

fn bytes_to_bytes(criterion: &mut Criterion) {
    let mappings = Mappings::load(None).expect("the embedded maps are valid");
    let sets: Vec<_> = mappings.names().filter_map(|name| mappings.set(name)).collect();
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    for (kind, body) in BODIES {
        let event = event(body);
        let mut group = criterion.benchmark_group(kind);
        group.throughput(Throughput::Bytes(event.body.len() as u64));
        group.bench_function("decode", |bencher| {
            bencher.iter(|| black_box(decode::decode(&hub, &event)))
        });
        for set in &sets {
            group.bench_function(&**set.name(), |bencher| {
                let mut output = Vec::new();
                bencher.iter(|| {
                    output.clear();
                    for record in &decode::decode(&hub, &event) {
                        let context = RecordContext::new(record);
                        set.render(&context, &mut output).expect("it can be mapped");
                    }
                    black_box(output.len())
                });
            });
        }
        group.finish();
    }
}

/// The exporter writes without white space; the files are written for readers.
fn event(body: &str) -> Event {
    let mut compact = Vec::new();
    write_value(&mut compact, &parse(body).expect("the body is JSON"));
    Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8812"),
        enqueued_time: Timestamp::from_millis(1_731_049_262_123),
        body: compact.into(),
        last_enqueued: None,
    }
}

criterion_group!(benches, bytes_to_bytes);
criterion_main!(benches);
