//! The emulated hub, seen through the AMQP library that the bridge uses.

mod client;
mod faults;
mod positions;
mod receivers;
mod requests;
mod sends;
mod tls;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};

/// A hub with this many partitions, and as many events in partition 0 as `events`: `event-0`, `event-1`, ….
pub async fn hub(partitions: u32, events: usize) -> EventHubEmulator {
    let emulator = EventHubEmulator::start(Options::new(client::HUB, partitions))
        .await
        .unwrap();
    for number in 0..events {
        emulator.append(0, format!("event-{number}").into_bytes());
    }
    emulator
}
