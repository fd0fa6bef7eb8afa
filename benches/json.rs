//! The benchmark by which the JSON representation was chosen, and the cost of the whole decode stage.
//!
//! Each parser turns the same bytes into its own value and lets go of it again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hub2siem::decode::json::{parse, write_value};
use hub2siem::decode::{References, decode};
use hub2siem::event::{Event, Hub, Offset, PartitionId, RecordField, SequenceNumber, Timestamp};

/// The allocator of the program: most of a parser's time is spent there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SMALL: &str = include_str!("documents/alert-small.json");
const MEDIUM: &str = include_str!("documents/alert-medium.json");
const LARGE: &str = include_str!("documents/alert-large.json");

fn parsers(criterion: &mut Criterion) {
    for (name, text) in [("small", SMALL), ("large", LARGE)] {
        let mut group = criterion.benchmark_group(format!("parse/{name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        let bytes = text.as_bytes();
        group.bench_function("own", |bencher| {
            bencher.iter(|| parse(std::str::from_utf8(black_box(bytes)).unwrap()).unwrap());
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(bytes)).unwrap());
        });
        group.bench_function("sonic-rs", |bencher| {
            bencher.iter(|| sonic_rs::from_slice::<sonic_rs::Value>(black_box(bytes)).unwrap());
        });
        group.bench_function("jiter", |bencher| {
            bencher.iter(|| jiter::JsonValue::parse(black_box(bytes), false).unwrap());
        });
        group.finish();
    }
}

fn writers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write/large");
    group.throughput(Throughput::Bytes(LARGE.len() as u64));
    let mut output = Vec::with_capacity(2 * LARGE.len());
    let own = parse(LARGE).unwrap();
    group.bench_function("own", |bencher| {
        bencher.iter(|| {
            output.clear();
            write_value(&mut output, black_box(&own));
        });
    });
    let theirs: serde_json::Value = serde_json::from_str(LARGE).unwrap();
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| {
            output.clear();
            serde_json::to_writer(&mut output, black_box(&theirs)).unwrap();
        });
    });
    group.finish();
}

fn stage(criterion: &mut Criterion) {
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let event = Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8590000000"),
        enqueued_time: Timestamp::from_millis(1_780_819_750_111),
        body: MEDIUM.into(),
        last_enqueued: None,
    };
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Bytes(MEDIUM.len() as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| decode(&hub, black_box(&event)))
    });
    let records = decode(&hub, &event);
    group.bench_function("fields without the state", |bencher| {
        bencher.iter(|| {
            for (_, field) in RecordField::ALL {
                if field != RecordField::State {
                    black_box(records[0].field(field));
                }
            }
        });
    });
    group.bench_function("state", |bencher| {
        bencher.iter(|| records[0].field(RecordField::State))
    });
    group.bench_function("references", |bencher| {
        bencher.iter(|| {
            black_box(References::of(&records[0].document));
        });
    });
    group.finish();
}

criterion_group!(benches, parsers, writers, stage);
criterion_main!(benches);
