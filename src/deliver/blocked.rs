//! What an operator has to mend before records flow again, and when to try in the meantime.

use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::health::{BlockReason, TargetHealth};

/// Time to the first try; it doubles with every further one.
pub const TRY_INTERVAL_MIN: Duration = Duration::from_secs(30);

/// Longest time between tries, in first intervals: 5 minutes.
const TRY_INTERVALS_MAX: u32 = 10;

/// Everything that blocks one target.
#[derive(Debug)]
pub struct Blocks {
    interval: Duration,
    target: Option<Block>,
    indexes: Vec<(usize, Block)>,
}

#[derive(Debug)]
struct Block {
    reason: BlockReason,
    detail: String,
    cause: Cause,
    tries: u32,
    next_try: Instant,
    may_send: bool,
}

/// What the peer refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A batch.
    Batch,
    /// A question about acknowledgements, or a connection: what is tried without a batch.
    Question,
}

impl Blocks {
    /// Nothing is blocked. The first try comes after `interval`.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            target: None,
            indexes: Vec::new(),
        }
    }

    /// Everything is refused.
    pub fn block(&mut self, reason: BlockReason, detail: String, cause: Cause, now: Instant) {
        match &mut self.target {
            Some(block) => block.update(reason, detail, cause),
            None => self.target = Some(Block::new(reason, detail, cause, now + self.interval)),
        }
    }

    /// Records for the index with this number are refused.
    pub fn block_index(&mut self, number: usize, detail: String, now: Instant) {
        match self.indexes.iter_mut().find(|(known, _)| *known == number) {
            Some((_, block)) => block.update(BlockReason::Destination, detail, Cause::Batch),
            None => {
                let block = Block::new(
                    BlockReason::Destination,
                    detail,
                    Cause::Batch,
                    now + self.interval,
                );
                self.indexes.push((number, block));
            }
        }
    }

    /// A batch for the indexes of `mask` was taken in the way the configuration demands.
    pub fn accepted(&mut self, mask: u16) {
        self.target = None;
        self.indexes.retain(|(number, _)| mask & (1 << number) == 0);
    }

    /// A question was answered: the end of a block that a question began. If it was asked as a try (`is_try`), a
    /// batch may follow at once.
    pub fn answered(&mut self, is_try: bool, now: Instant) {
        if self
            .target
            .as_ref()
            .is_some_and(|block| block.cause == Cause::Question)
        {
            self.target = None;
        }
        if let Some(block) = self.target.as_mut().filter(|_| is_try) {
            block.may_send = true;
            block.next_try = now;
            // The batch that follows belongs to the same try.
            block.tries = block.tries.saturating_sub(1);
        }
    }

    /// Whether everything is refused.
    pub fn is_target_blocked(&self) -> bool {
        self.target.is_some()
    }

    /// Whether a question has to be answered before a batch may be tried: each batch could be taken without an
    /// acknowledgement and be sent again, for ever.
    pub fn needs_answer(&self) -> bool {
        self.target.as_ref().is_some_and(|block| {
            block.cause == Cause::Question || block.reason == BlockReason::Acknowledgement && !block.may_send
        })
    }

    /// Whether it is time for a try although everything is refused.
    pub fn is_due(&self, now: Instant) -> bool {
        self.target.as_ref().is_none_or(|block| block.is_due(now))
    }

    /// A try begins, if everything is refused; the next one is later.
    pub fn begin_try(&mut self, now: Instant) {
        if let Some(block) = &mut self.target {
            block.begin_try(self.interval, now);
        }
    }

    /// What is refused is tried now, and then as often as in the beginning: something was mended.
    pub fn try_now(&mut self, now: Instant) {
        let indexes = self.indexes.iter_mut().map(|(_, block)| block);
        for block in self.target.iter_mut().chain(indexes) {
            block.tries = 0;
            block.next_try = now;
        }
    }

    /// One bit for each refused index.
    pub fn indexes(&self) -> u16 {
        self.indexes
            .iter()
            .fold(0, |mask, (number, _)| mask | 1 << number)
    }

    /// Whether it is time for a try with the refused index of `mask`; one bit only. If so, the next one is later.
    pub fn begin_index_try(&mut self, mask: u16, now: Instant) -> bool {
        let block = self.indexes.iter_mut().find(|(number, _)| mask == 1 << number);
        block.is_some_and(|(_, block)| {
            let is_due = block.is_due(now);
            if is_due {
                block.begin_try(self.interval, now);
            }
            is_due
        })
    }

    /// The moments of the next tries.
    pub fn wakes(&self) -> impl Iterator<Item = Instant> {
        let indexes = self.indexes.iter().map(|(_, block)| block);
        self.target.iter().chain(indexes).map(|block| block.next_try)
    }

    /// The moment of the next try, if everything is refused.
    pub fn next_try(&self) -> Option<Instant> {
        self.target.as_ref().map(|block| block.next_try)
    }

    /// Tells whoever asks for the target's health.
    pub fn publish(&self, health: &TargetHealth) {
        let worst = self
            .target
            .as_ref()
            .or(self.indexes.first().map(|(_, block)| block));
        match worst {
            Some(block) => health.block(block.reason, &block.detail),
            None => health.unblock(),
        }
    }
}

impl Block {
    fn new(reason: BlockReason, detail: String, cause: Cause, next_try: Instant) -> Self {
        Self {
            reason,
            detail,
            cause,
            tries: 0,
            next_try,
            may_send: false,
        }
    }

    fn update(&mut self, reason: BlockReason, detail: String, cause: Cause) {
        self.reason = reason;
        self.detail = detail;
        self.cause = cause;
    }

    fn is_due(&self, now: Instant) -> bool {
        self.next_try <= now
    }

    fn begin_try(&mut self, interval: Duration, now: Instant) {
        self.tries = self.tries.saturating_add(1);
        self.may_send = false;
        self.next_try = now + interval.saturating_mul((1 << self.tries.min(8)).min(TRY_INTERVALS_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer() {
        let mut now = Instant::now();
        let mut blocks = Blocks::new(TRY_INTERVAL_MIN);
        assert!(blocks.is_due(now));
        blocks.block(BlockReason::Authorization, "code 4".into(), Cause::Batch, now);
        for seconds in [30, 60, 120, 240, 300, 300] {
            assert!(!blocks.is_due(now + Duration::from_secs(seconds - 1)));
            now += Duration::from_secs(seconds);
            assert!(blocks.is_due(now));
            blocks.begin_try(now);
            blocks.block(BlockReason::Authorization, "code 4".into(), Cause::Batch, now);
        }
        blocks.accepted(0);
        assert!(blocks.is_due(now) && !blocks.is_target_blocked());
    }

    #[test]
    fn something_mended_is_tried_at_once() {
        let now = Instant::now();
        let mut blocks = Blocks::new(TRY_INTERVAL_MIN);
        blocks.block(BlockReason::Authorization, "code 4".into(), Cause::Batch, now);
        blocks.block_index(1, "code 7".into(), now);
        blocks.try_now(now);
        assert!(blocks.is_target_blocked() && blocks.is_due(now) && blocks.begin_index_try(0b10, now));
        blocks.begin_try(now);
        assert!(!blocks.is_due(now + TRY_INTERVAL_MIN) && blocks.is_due(now + 2 * TRY_INTERVAL_MIN));
    }

    #[test]
    fn an_index_blocks_only_itself() {
        let now = Instant::now();
        let later = now + TRY_INTERVAL_MIN;
        let mut blocks = Blocks::new(TRY_INTERVAL_MIN);
        blocks.block_index(1, "code 7".into(), now);
        assert_eq!(blocks.indexes(), 0b10);
        assert!(!blocks.begin_index_try(0b10, now));
        assert!(blocks.begin_index_try(0b10, later));
        assert!(!blocks.begin_index_try(0b10, later));
        blocks.accepted(0b01);
        assert_eq!(blocks.indexes(), 0b10);
        blocks.accepted(0b11);
        assert_eq!(blocks.indexes(), 0);
    }

    #[test]
    fn a_missing_acknowledgement_needs_an_answer_before_each_batch() {
        let now = Instant::now();
        let mut blocks = Blocks::new(TRY_INTERVAL_MIN);
        blocks.block(BlockReason::Acknowledgement, "code 14".into(), Cause::Batch, now);
        assert!(blocks.needs_answer());
        blocks.answered(true, now);
        assert!(blocks.is_target_blocked() && !blocks.needs_answer());
        blocks.begin_try(now);
        assert!(blocks.needs_answer());
        blocks.block(
            BlockReason::Acknowledgement,
            "code 14".into(),
            Cause::Question,
            now,
        );
        blocks.answered(false, now);
        assert!(!blocks.is_target_blocked());
    }
}
