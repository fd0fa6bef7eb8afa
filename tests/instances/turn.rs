//! How many fleets there are at a time.

use std::sync::{Condvar, Mutex, PoisonError};

/// Each fleet is a dozen processes that have to be on time, and most of its time it waits.
const FLEETS_MAX: usize = 2;

static FLEETS: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to have a fleet; it ends when dropped.
pub struct Turn(());

impl Turn {
    /// Waits until it is our turn.
    pub fn take() -> Self {
        let fleets = FLEETS.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |fleets: &mut usize| *fleets >= FLEETS_MAX;
        let mut fleets = ENDED
            .wait_while(fleets, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        *fleets += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FLEETS.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}
