//! A setting that a reload may replace while readers are attached.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// A value that all clones share. What replaces it counts from the next connection, or the next token, on.
pub struct Replaceable<T>(Arc<watch::Sender<(u64, T)>>);

/// Hears when a value is replaced.
pub struct Replaced<T>(watch::Receiver<(u64, T)>);

impl<T: Clone> Replaceable<T> {
    /// The value now.
    pub fn get(&self) -> T {
        self.0.borrow().1.clone()
    }

    /// Puts another value in its place, for every clone.
    pub fn replace(&self, value: T) {
        self.0.send_modify(|current| *current = (current.0 + 1, value));
    }

    /// How often it was replaced.
    pub fn replacements(&self) -> u64 {
        self.0.borrow().0
    }

    /// Hears of every replacement from now on.
    pub fn subscribe(&self) -> Replaced<T> {
        Replaced(self.0.subscribe())
    }
}

impl<T> Replaced<T> {
    /// Completes when the value was replaced since the last call, or since the subscription. Cancel-safe.
    pub async fn replaced(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could replace it.
            std::future::pending::<()>().await;
        }
    }
}

impl<T> From<T> for Replaceable<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(watch::Sender::new((0, value))))
    }
}

impl<T> Clone for Replaceable<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Nothing of the value: it may be a secret.
impl<T> fmt::Debug for Replaceable<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Replaceable(…)")
    }
}
