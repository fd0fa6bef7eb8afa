//! What goes wrong, when, and for how long: drawn from a seed, so that a run can be had again.

use std::time::Duration;

use hub2siem::emulator::event_hub::Condition;
use hub2siem::emulator::splunk_hec::{Answer, Content, Fate, RequestKind};
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::items::{Parcel, any_parcel};
use super::stage::{Stage, TOKEN};
use crate::support::proxy::{Direction, Mode, Proxy};

/// Something that goes wrong for a while.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Everything is well.
    None,
    HubDropsConnections,
    HubCloses(&'static str),
    HubDetaches(&'static str),
    HubIsSilent,
    HubRefusesConnections,
    HubRefusesAttach(&'static str),
    HubRepeats(u32),
    HubCutsTransfers,
    HubManagementFails(u16),
    HubIsMadeAnew,
    HubWay(Mode),
    HubWayIsReset,
    /// The next requests with events are answered like this.
    ReceiverAnswers(usize, Answer),
    /// The next questions about acknowledgements are answered like this.
    ReceiverAnswersQuestions(usize, Answer),
    ReceiverNeverAcknowledges,
    ReceiverAcknowledgesAfter(u32),
    ReceiverForgetsChannels,
    ReceiverKnowsAnotherToken,
    ReceiverWay(Mode),
    ReceiverWayIsReset,
    BridgeStops,
    BridgeIsKilled,
    /// The target of the receiver is given up, and in the end taken back.
    TargetIsGivenUp,
}

/// Errors a hub ends a link with and a bridge soon comes back from.
const DETACHES: [(&str, u32); 7] = [
    ("amqp:link:detach-forced", 4),
    ("com.microsoft:entity-updated", 2),
    ("amqp:internal-error", 3),
    ("com.microsoft:operation-cancelled", 2),
    ("com.microsoft:timeout", 2),
    ("amqp:link:transfer-limit-exceeded", 2),
    // Costs a wait of four seconds, so it is rare.
    ("com.microsoft:server-busy", 1),
];

/// A run of faults.
#[derive(Debug)]
pub struct Schedule {
    pub seed: u64,
    random: StdRng,
    next_item: u64,
    load: Load,
}

/// Makes an event for a partition out of chance and the number of the newest item.
pub type Load = fn(&mut StdRng, &mut u64, u32) -> Parcel;

impl Schedule {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            random: StdRng::seed_from_u64(seed),
            next_item: 0,
            load: |random, next, _| any_parcel(random, next),
        }
    }

    /// The same with other events.
    pub fn sending(self, load: Load) -> Self {
        Self { load, ..self }
    }

    /// Sends a handful of events.
    pub fn send(&mut self, stage: &mut Stage) {
        for _ in 0..self.random.random_range(3..15) {
            let partition = self.random.random_range(0..stage.plan.partitions);
            let parcel = (self.load)(&mut self.random, &mut self.next_item, partition);
            stage.send(partition, parcel);
        }
    }

    /// One fault from its begin to its end, with events before and within it.
    pub async fn step(&mut self, number: usize, stage: &mut Stage) {
        let mut fault = self.fault();
        if matches!(fault, Fault::HubIsMadeAnew)
            && stage.plan.targets.iter().any(|target| target.changes_only)
        {
            // What the receiver has and the bridge does not know of could never be read again, so nobody could tell.
            fault = Fault::None;
        }
        let receiver = self.random.random_range(0..stage.receivers.len());
        let duration = Duration::from_millis(self.random.random_range(100..700));
        eprintln!(
            "seed {}, step {number}: {fault:?} at receiver {receiver} for {duration:?}",
            self.seed
        );
        self.send(stage);
        begin(&fault, receiver, stage).await;
        self.send(stage);
        stage.pass(duration).await;
        self.send(stage);
        end(&fault, receiver, stage).await;
    }

    fn fault(&mut self) -> Fault {
        let random = &mut self.random;
        match random.random_range(0..28) {
            0 => Fault::None,
            1 => Fault::HubDropsConnections,
            2 => Fault::HubCloses("amqp:connection:forced"),
            3..6 => Fault::HubDetaches(weighted(random)),
            6 => Fault::HubIsSilent,
            7 => Fault::HubRefusesConnections,
            8 => Fault::HubRefusesAttach("amqp:internal-error"),
            9 => Fault::HubRepeats(random.random_range(1..10)),
            10 => Fault::HubCutsTransfers,
            11 => Fault::HubManagementFails([500, 503][random.random_range(0..2)]),
            12 => Fault::HubIsMadeAnew,
            13 => Fault::HubWay(mode(random)),
            14 => Fault::HubWayIsReset,
            15..18 => Fault::ReceiverAnswers(random.random_range(1..4), answer(random)),
            18 => Fault::ReceiverAnswersQuestions(random.random_range(1..4), answer_to_question(random)),
            19 => Fault::ReceiverNeverAcknowledges,
            20 => Fault::ReceiverAcknowledgesAfter(random.random_range(1..3)),
            21 => Fault::ReceiverForgetsChannels,
            22 => Fault::ReceiverKnowsAnotherToken,
            23 => Fault::ReceiverWay(mode(random)),
            24 => Fault::ReceiverWayIsReset,
            25 => Fault::BridgeStops,
            26 => Fault::TargetIsGivenUp,
            _ => Fault::BridgeIsKilled,
        }
    }
}

fn weighted(random: &mut StdRng) -> &'static str {
    let sum: u32 = DETACHES.iter().map(|(_, weight)| weight).sum();
    let mut number = random.random_range(0..sum);
    for (condition, weight) in DETACHES {
        if number < weight {
            return condition;
        }
        number -= weight;
    }
    unreachable!("the number is below the sum of the weights")
}

fn mode(random: &mut StdRng) -> Mode {
    let direction = match random.random_bool(0.5) {
        true => Direction::ToUpstream,
        false => Direction::ToClient,
    };
    match random.random_range(0..5) {
        0 => Mode::Refuse,
        1 => Mode::Stall,
        2 => Mode::Latency(Duration::from_millis(random.random_range(20..200))),
        3 => Mode::Bandwidth(random.random_range(20_000..200_000)),
        _ => Mode::CutAfter(direction, random.random_range(10..4000)),
    }
}

fn answer(random: &mut StdRng) -> Answer {
    let content: Answer = match random.random_range(0..7) {
        // Busy, shutting down, an internal error, full, full for acknowledgements.
        0 => Answer::code([9, 23, 8][random.random_range(0..3)]),
        1 => Answer::code([26, 27][random.random_range(0..2)]),
        2 => Content::Partial {
            code: [6, 12, 13, 15][random.random_range(0..4)],
            number: random.random_range(0..4),
        }
        .into(),
        3 => Content::Html([502, 503, 504][random.random_range(0..3)]).into(),
        4 => Content::HtmlInstead(504).into(),
        5 => Content::Pressed([24, 25][random.random_range(0..2)]).into(),
        _ => Answer::default(),
    };
    unreliable(random, content)
}

fn answer_to_question(random: &mut StdRng) -> Answer {
    let content = match random.random_range(0..3) {
        0 => Answer::code(9),
        1 => Content::HtmlInstead(502).into(),
        _ => Answer::default(),
    };
    unreliable(random, content)
}

/// The answer, perhaps late, perhaps cut, perhaps not at all.
fn unreliable(random: &mut StdRng, answer: Answer) -> Answer {
    let fate = [Fate::Whole, Fate::Whole, Fate::Cut, Fate::Lost][random.random_range(0..4)];
    let delay = Duration::from_millis([0, 0, 300][random.random_range(0..3)]);
    answer.after(delay).with_fate(fate)
}

async fn begin(fault: &Fault, receiver: usize, stage: &mut Stage) {
    let hub = stage.hub.faults();
    let Some(peer) = stage.receivers.get(receiver) else {
        panic!("there is no receiver {receiver}");
    };
    let error = |condition: &str| Condition::new(condition, "by the schedule");
    match fault {
        Fault::None => {}
        Fault::HubDropsConnections => hub.drop_connections(),
        Fault::HubCloses(condition) => hub.close_connections(error(condition)),
        Fault::HubDetaches(condition) => {
            (0..stage.plan.partitions).for_each(|partition| hub.detach(partition, error(condition)));
        }
        Fault::HubIsSilent => hub.silent(true),
        Fault::HubRefusesConnections => {
            hub.refuse_connects(true);
            hub.drop_connections();
        }
        Fault::HubRefusesAttach(condition) => {
            hub.refuse_attach(Some(error(condition)));
            hub.drop_connections();
        }
        Fault::HubRepeats(events) => {
            hub.repeat_after_attach(*events);
            hub.drop_connections();
        }
        Fault::HubCutsTransfers => hub.partial_transfer(true),
        Fault::HubManagementFails(status) => {
            hub.management_status(Some(*status));
            hub.drop_connections();
        }
        Fault::HubIsMadeAnew => {
            stage.oracle.begin_life();
            stage.hub.recreate_hub();
        }
        Fault::HubWay(mode) => stage.hub_proxy.set(*mode).await,
        Fault::HubWayIsReset => reset(&stage.hub_proxy).await,
        Fault::ReceiverAnswers(count, answer) => {
            let answers = std::iter::repeat_n(answer.clone(), *count);
            peer.emulator.script().then(RequestKind::Event, answers);
        }
        Fault::ReceiverAnswersQuestions(count, answer) => {
            let answers = std::iter::repeat_n(answer.clone(), *count);
            peer.emulator.script().then(RequestKind::Acknowledgement, answers);
        }
        Fault::ReceiverNeverAcknowledges => peer.emulator.script().never_acknowledges = true,
        Fault::ReceiverAcknowledgesAfter(questions) => {
            peer.emulator.script().questions_before_true = *questions;
        }
        Fault::ReceiverForgetsChannels => peer.emulator.forget_channels(),
        Fault::ReceiverKnowsAnotherToken => peer.emulator.set_token("another"),
        Fault::ReceiverWay(mode) => peer.proxy.set(*mode).await,
        Fault::ReceiverWayIsReset => reset(&peer.proxy).await,
        Fault::BridgeStops => {
            stage.stop().await;
            stage.start().await;
        }
        Fault::BridgeIsKilled => {
            stage.kill().await;
            stage.start().await;
        }
        Fault::TargetIsGivenUp => give_up(receiver, "given_up: true", stage).await,
    }
}

/// Starts the bridge anew, with the target of a receiver given up or not.
async fn give_up(receiver: usize, line: &'static str, stage: &mut Stage) {
    stage.stop().await;
    let name = stage.receivers[receiver].target;
    let mut targets = stage.plan.targets.iter_mut();
    let target = targets.find(|target| target.name == name);
    target.expect("every receiver has a target").more = line;
    stage.start().await;
}

async fn end(fault: &Fault, receiver: usize, stage: &mut Stage) {
    let hub = stage.hub.faults();
    let peer = &stage.receivers[receiver];
    match fault {
        Fault::HubIsSilent => hub.silent(false),
        Fault::HubRefusesConnections => hub.refuse_connects(false),
        Fault::HubRefusesAttach(_) => hub.refuse_attach(None),
        Fault::HubRepeats(_) => hub.repeat_after_attach(0),
        Fault::HubCutsTransfers => hub.partial_transfer(false),
        Fault::HubManagementFails(_) => hub.management_status(None),
        Fault::HubWay(_) => stage.hub_proxy.set(Mode::Pass).await,
        Fault::ReceiverNeverAcknowledges => peer.emulator.script().never_acknowledges = false,
        Fault::ReceiverAcknowledgesAfter(_) => peer.emulator.script().questions_before_true = 0,
        Fault::ReceiverKnowsAnotherToken => peer.emulator.set_token(TOKEN),
        Fault::ReceiverWay(_) => peer.proxy.set(Mode::Pass).await,
        Fault::TargetIsGivenUp => give_up(receiver, "", stage).await,
        _ => {}
    }
}

/// Resets what is open. A peer that is back at once may hide that nothing was open in between, so this does not wait.
async fn reset(proxy: &Proxy) {
    let reset = tokio::time::timeout(Duration::from_millis(200), proxy.reset_connections());
    let _is_seen = reset.await.is_ok();
}
