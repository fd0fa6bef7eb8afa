//! Faults in random order; the account must balance all the same.

use std::time::Duration;

use futures_util::future::join_all;
use hub2siem::emulator::splunk_hec::{Answer, Content, Fate, RequestKind};
use hub2siem::event::Kind;

use super::bench::{Bench, receiver, settings};

/// Runs; each has its own seed, which a failure names.
const SEEDS: std::ops::Range<u64> = 1..7;

/// A small generator of numbers, the same for the same seed on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn event_answer(&mut self) -> Answer {
        let content = match self.below(9) {
            0 => Content::Code([8, 9, 23, 26][self.below(4) as usize]),
            1 => Content::Code([4, 10, 14][self.below(3) as usize]),
            2 => Content::Html([200, 404, 502][self.below(3) as usize]),
            3 => Content::HtmlInstead(200),
            4 => Content::Pressed(24),
            _ => Content::Normal,
        };
        self.dress(content)
    }

    fn acknowledgement_answer(&mut self) -> Answer {
        let content = match self.below(5) {
            0 => Content::Html(503),
            1 => Content::HtmlInstead(200),
            2 => Content::Code(14),
            _ => Content::Normal,
        };
        self.dress(content)
    }

    fn dress(&mut self, content: Content) -> Answer {
        Answer {
            content,
            delay: Duration::from_millis(self.below(200)),
            fate: [Fate::Whole, Fate::Whole, Fate::Cut, Fate::Lost][self.below(4) as usize],
            set_cookie: (self.below(6) == 0).then(|| format!("node={}", self.below(3))),
            retry_after: None,
        }
    }
}

/// Scenario: two receivers meet the first requests with random faults; 300 records, a few alerts to an index
/// that is refused for a while.
/// Guarantees: every record settles exactly once and none is lost or refused.
#[tokio::test]
async fn every_account_balances() {
    join_all(SEEDS.map(run)).await;
}

async fn run(seed: u64) {
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    let receivers = [receiver().await, receiver().await];
    for receiver in &receivers {
        let mut script = receiver.script();
        script.then(RequestKind::Event, (0..5).map(|_| numbers.event_answer()));
        script.then(
            RequestKind::Acknowledgement,
            (0..3).map(|_| numbers.acknowledgement_answer()),
        );
        script.questions_before_true = numbers.below(2) as u32;
        script
            .refused_indexes
            .extend(seed.is_multiple_of(2).then(|| "sec".to_owned()));
    }
    let endpoints = [receivers[0].endpoint(), receivers[1].endpoint()];
    let lines = "batch: { records: 20, linger: 20ms }\nacknowledgement_timeout: 3s\nindex: { alert: sec, otherwise: mdc }";
    let mut bench = Bench::with(settings(&endpoints, lines));
    for _ in 0..300 {
        let kind = if numbers.below(10) == 0 {
            Kind::Alert
        } else {
            Kind::Assessment
        };
        bench.send_one(kind, "").await;
    }
    for receiver in &receivers {
        receiver.script().refused_indexes.clear();
    }
    bench.balance(&[&receivers[0], &receivers[1]], &[]).await;
}
