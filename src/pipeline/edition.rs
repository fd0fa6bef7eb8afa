//! The configuration in use, as the readers see it. A reload makes a new edition of it.
//!
//! All groups get a new edition in one step, and each reader takes it between two events: every record of an event is
//! routed and mapped for every target by the same edition.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::dispatch::Dispatch;

/// What the readers of each consumer group do with an event.
#[derive(Debug)]
pub struct Edition {
    /// 1 at the start, one more with each reload.
    pub number: u64,
    /// By consumer group.
    pub groups: BTreeMap<Arc<str>, Arc<Dispatch>>,
}

/// The edition that one reader goes by.
#[derive(Debug, Clone)]
pub struct InUse {
    editions: watch::Receiver<Arc<Edition>>,
    group: Arc<str>,
    dispatch: Arc<Dispatch>,
}

impl InUse {
    /// The newest edition, for a reader of `group`, which must be in it.
    pub fn new(mut editions: watch::Receiver<Arc<Edition>>, group: &Arc<str>) -> Self {
        let dispatch = Arc::clone(&editions.borrow_and_update().groups[group]);
        Self {
            editions,
            group: Arc::clone(group),
            dispatch,
        }
    }

    /// Takes the newest edition; to be called between two events. Costs one look at a counter if there is none.
    pub fn refresh(&mut self) {
        // An error says that no further edition will come: the bridge is stopping.
        if self.editions.has_changed().unwrap_or(false) {
            self.dispatch = Arc::clone(&self.editions.borrow_and_update().groups[&self.group]);
        }
    }

    /// What to do with an event.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }
}
