//! Whether dead letters can be written, for `/readyz`.

use std::sync::{Mutex, MutexGuard};

/// State of the writer; shared with whoever reports readiness.
#[derive(Debug, Default)]
pub struct Health {
    trouble: Mutex<Option<String>>,
}

impl Health {
    /// Why nothing can be written now; intake stops by itself meanwhile.
    pub fn blocked(&self) -> Option<String> {
        self.lock().clone()
    }

    pub(super) fn block(&self, detail: String) {
        *self.lock() = Some(detail);
    }

    /// Whether it was blocked.
    pub(super) fn unblock(&self) -> bool {
        self.lock().take().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().expect("no holder of this lock panics")
    }
}
