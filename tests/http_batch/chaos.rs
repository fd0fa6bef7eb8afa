//! Faults in random order; the account must balance all the same.

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::bench::Bench;
use super::http_peer::{Answer, Cluster, Fault, Peer};

/// Runs; each has its own seed, which a failure names.
const SEEDS: std::ops::Range<u64> = 1..9;

/// Scenario: two nodes meet their first requests with random faults, some of them after they took the request; 300 records.
/// Guarantees: every record settles as delivered, none is lost or refused, and each document is there once at each node.
#[tokio::test]
async fn every_account_balances() {
    join_all(SEEDS.map(run)).await;
}

async fn run(seed: u64) {
    println!("seed {seed}");
    let mut numbers = StdRng::seed_from_u64(seed);
    let peers = [
        Peer::start(Cluster::default()).await,
        Peer::start(Cluster::default()).await,
    ];
    for peer in &peers {
        peer.then((0..8).map(|_| fault(&mut numbers)));
        // A real limit: one record that is told to be too large would rightly be refused.
        peer.receiver().limit_bytes = numbers.random_bool(0.5).then_some(1_500);
        // Few, because faults may have left one record a batch: each is then a reply of its own, and a longer pause.
        peer.receiver().busy_documents = numbers.random_range(0..6);
        peer.receiver().shardless_documents = numbers.random_range(0..4);
    }
    let endpoints = [peers[0].endpoint(), peers[1].endpoint()];
    let mut bench = Bench::elasticsearch(&endpoints, "batch: { records: 20, linger: 20ms }\nworkers: 3");
    bench.send(300).await;
    bench.delivered_to(&[&peers[0], &peers[1]]).await;
}

fn fault(numbers: &mut StdRng) -> Fault {
    let answer = match numbers.random_range(0..8) {
        0 => Answer::page([401, 403][numbers.random_range(0..2)]),
        1 => Answer::page(404),
        2 => Answer::page(200),
        3 => Answer::status(415),
        _ => Answer::page([408, 418, 429, 500, 502, 503][numbers.random_range(0..6)]),
    };
    match numbers.random_bool(0.3) {
        true => Fault::Hidden(answer),
        false => Fault::Instead(answer),
    }
}
