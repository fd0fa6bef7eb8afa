//! The sender: generated items into the hub, at an even rate.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scene::Scene;
use crate::emulator::generator::Generator;
use crate::event::Timestamp;

/// Events are sent in portions this often; a timer for each event would not keep a high rate.
const PORTION: Duration = Duration::from_millis(20);

/// What was sent.
#[derive(Debug, Default, Clone, Copy)]
pub struct Fed {
    /// Events put into the hub.
    pub events: u64,
    /// Records in them that can be decoded.
    pub records: u64,
    /// Records in them that cannot.
    pub undecodable: u64,
}

/// Sends for `seconds`, or until `stop`.
pub async fn feed(scene: &Scene, rate: u32, seconds: u32, stop: &CancellationToken) -> Fed {
    let mut generator = Generator::new(0x6875_6232).starting_at(Timestamp::now());
    let mut fed = Fed::default();
    let mut ticks = tokio::time::interval(PORTION);
    let started = tokio::time::Instant::now();
    let all = u64::from(rate) * u64::from(seconds);
    while fed.events < all {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while fed.events < due.min(all) {
            let generated = generator.event();
            scene
                .hub
                .append((fed.events % u64::from(scene.partitions)) as u32, generated.body);
            fed.events += 1;
            fed.records += u64::from(generated.records);
            fed.undecodable += u64::from(generated.undecodable);
        }
    }
    fed
}
