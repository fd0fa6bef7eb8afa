//! How many further events one partition may send us: credit is the only thing that waits for room in the window.

use std::sync::Arc;

use super::window::{Held, Window};

/// Size an event is booked with before the first one arrived, which is alone for that reason.
const FIRST_GUESS_BYTES: usize = 4096;
/// The most credit one partition has out: beyond it the rate no longer grows, and the library holds what arrived.
const MAX_CREDIT: usize = 512;
/// What the AMQP library keeps for a message that waits to be received, besides its body: annotations and properties.
const MESSAGE_BYTES: usize = 1024;
/// Credit of a partition that is new or idle: it costs the others little room.
const IDLE_CREDIT: usize = 16;
/// Weight of the newest event in the mean size, as a divisor.
const MEAN_WEIGHT: usize = 16;

/// The credit of one partition, booked in its window.
#[derive(Debug)]
pub struct CreditBudget {
    window: Arc<Window>,
    mean_bytes: usize,
    limit: usize,
    /// Whether an event arrived, so that its size is no guess.
    is_size_known: bool,
    /// Events received since the limit last grew.
    used: usize,
    /// Events that may arrive at any moment.
    outstanding: usize,
    booked: Held,
}

impl CreditBudget {
    /// A partition that joins the window, with nothing outstanding.
    pub fn new(window: &Arc<Window>) -> Self {
        window.join();
        Self {
            window: Arc::clone(window),
            mean_bytes: FIRST_GUESS_BYTES,
            limit: 1,
            is_size_known: false,
            used: 0,
            outstanding: 0,
            booked: window.hold(0),
        }
    }

    /// The credit to offer beyond the `outstanding` one, booked as if it were taken; see [`CreditBudget::taken`].
    ///
    /// A partition that holds nothing always gets 1, so that no event size can stop it for ever.
    pub fn offer(&mut self, outstanding: u32, holds_nothing: bool) -> u32 {
        let outstanding = outstanding as usize;
        if outstanding > self.limit / 2 {
            // The reader asks only when at least as much is offered as is out.
            self.book(outstanding);
            return 0;
        }
        self.book(outstanding);
        let may_wait = outstanding > 0 || !holds_nothing;
        if may_wait && self.window.is_full() {
            // What is left would be shared out in ever smaller pieces, each at the cost of a frame and a few wake-ups.
            return 0;
        }
        let wanted = self.limit.min(self.share_limit()).saturating_sub(outstanding);
        let sharers = self.window.sharers();
        let room = (self.window.free_events() / sharers)
            .min(self.window.free_bytes() / sharers / self.event_bytes());
        let mut credit = wanted.min(room);
        if credit == 0 && outstanding == 0 && holds_nothing {
            credit = 1;
        }
        self.book(outstanding + credit);
        credit as u32
    }

    /// What is really outstanding after an offer, which may have been taken in part or not at all.
    pub fn taken(&mut self, outstanding: u32) {
        self.book(outstanding as usize);
    }

    /// One event arrived: its room is from now on booked with its own size, by whoever holds it.
    pub fn received(&mut self, bytes: usize) {
        if !std::mem::replace(&mut self.is_size_known, true) {
            self.mean_bytes = bytes;
            self.limit = IDLE_CREDIT;
            return;
        }
        // A large event says more about the next ones than many small ones before it.
        let mean = (self.mean_bytes * (MEAN_WEIGHT - 1) + bytes) / MEAN_WEIGHT;
        self.mean_bytes = mean.max(bytes / 2);
        self.used += 1;
        if self.used >= self.limit {
            self.limit = (self.limit * 2).min(MAX_CREDIT);
            self.used = 0;
        }
    }

    /// Nothing arrived for a while, or the link is gone: the next credit starts small again.
    pub fn idle(&mut self) {
        self.limit = if self.is_size_known { IDLE_CREDIT } else { 1 };
        self.used = 0;
    }

    /// At most half of the window is promised, so that the other half can serve whoever is busy.
    fn share_limit(&self) -> usize {
        let bytes = self.window.bytes_limit() / 2 / self.window.sharers() / self.event_bytes();
        bytes.max(1)
    }

    /// Room for one event that is on its way.
    fn event_bytes(&self) -> usize {
        self.mean_bytes + MESSAGE_BYTES
    }

    fn book(&mut self, outstanding: usize) {
        if outstanding >= self.outstanding {
            self.window.credit(outstanding - self.outstanding);
        } else {
            self.window.uncredit(self.outstanding - outstanding);
        }
        self.outstanding = outstanding;
        self.booked.promise(outstanding * self.event_bytes());
    }
}

impl Drop for CreditBudget {
    fn drop(&mut self) {
        self.book(0);
        self.window.leave();
        self.window.tell_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_use_and_starts_with_one() {
        let window = Window::new(50_000, 24 << 20);
        let mut budget = CreditBudget::new(&window);
        assert_eq!(budget.offer(0, true), 1);
        assert_eq!(window.bytes(), FIRST_GUESS_BYTES + MESSAGE_BYTES);
        budget.received(1200);
        assert_eq!(budget.offer(0, false), 16);
        assert_eq!(window.bytes(), 16 * (1200 + MESSAGE_BYTES));
        assert_eq!(budget.offer(16, false), 0, "enough is out");
        for _ in 0..16 {
            budget.received(1200);
        }
        assert_eq!(budget.offer(0, false), 32);
        budget.taken(5);
        assert_eq!(window.bytes(), 5 * (1200 + MESSAGE_BYTES));
        drop(budget);
        assert_eq!((window.bytes(), window.free_events()), (0, 50_000));
    }

    /// Scenario: the window is full but for a rest. Guarantees: the rest goes to nobody who can wait for more.
    #[test]
    fn a_rest_of_room_is_not_shared_out_in_pieces() {
        let window = Window::new(50_000, 1 << 20);
        let held = window.hold((1 << 20) - (60 << 10));
        let mut budget = CreditBudget::new(&window);
        assert_eq!(budget.offer(0, true), 1);
        budget.received(1200);
        assert_eq!(budget.offer(0, false), 0);
        assert!(
            budget.offer(0, true) > 1,
            "it holds nothing, so nothing of its own will give room"
        );
        drop(held);
        assert!(budget.offer(0, false) > 1);
    }

    /// Scenario: others fill the window. Guarantees: no credit for who holds something, exactly 1 for who holds nothing.
    #[test]
    fn waits_for_room_but_never_for_ever() {
        let window = Window::new(50_000, 1 << 20);
        let held = window.hold(2 << 20);
        let mut budget = CreditBudget::new(&window);
        assert_eq!(budget.offer(0, false), 0);
        assert_eq!(budget.offer(0, true), 1);
        assert_eq!(budget.offer(1, true), 0, "one is out");
        budget.received(300 << 10);
        assert_eq!(budget.offer(0, false), 0);
        drop(held);
        assert!(budget.offer(0, false) >= 1);
    }

    #[test]
    fn shares_free_room_and_promises_half() {
        let window = Window::new(1_000, 1 << 20);
        let mut budgets: Vec<_> = (0..4).map(|_| (CreditBudget::new(&window), 0)).collect();
        for _ in 0..12 {
            for (budget, outstanding) in &mut budgets {
                for _ in 0..*outstanding {
                    budget.received(4096);
                }
                *outstanding = budget.offer(0, false);
            }
        }
        let out: u32 = budgets.iter().map(|(_, outstanding)| outstanding).sum();
        assert!(out as usize * 4096 <= 1 << 19, "{out}");
        assert!(
            budgets.iter().all(|(_, outstanding)| *outstanding >= 16),
            "{budgets:?}"
        );
    }
}
