//! From the bytes of an event to the bytes of a mapped record, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hub2siem::decode;
use hub2siem::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};
use hub2siem::map::{Mappings, RecordContext};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BODIES: [(&str, &[u8]); 2] = [
    ("alert", include_bytes!("bodies/alert.json")),
    ("assessment", include_bytes!("bodies/assessment.json")),
];

fn bytes_to_bytes(criterion: &mut Criterion) {
    let mappings = Mappings::load(None).expect("the embedded maps are valid");
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    for (name, body) in BODIES {
        let event = Event {
            partition: PartitionId::new("3"),
            sequence_number: SequenceNumber(4711),
            offset: Offset::new("8812"),
            enqueued_time: Timestamp::from_millis(1_731_049_262_123),
            body: body.into(),
            last_enqueued: None,
        };
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function("decode", |bencher| {
            bencher.iter(|| black_box(decode::decode(&hub, &event)))
        });
        for set in ["native", "ecs"] {
            let set = mappings.set(set).expect("the set is embedded");
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

criterion_group!(benches, bytes_to_bytes);
criterion_main!(benches);
