//! A setting that a reload may replace while readers are attached.

use std::fmt;
use std::sync::{Arc, RwLock};

/// A value that all clones share. What replaces it counts from the next connection, or the next token, on.
pub struct Replaceable<T>(Arc<RwLock<T>>);

impl<T: Clone> Replaceable<T> {
    /// The value now.
    pub fn get(&self) -> T {
        self.0.read().expect("no holder of this lock panics").clone()
    }

    /// Puts another value in its place, for every clone.
    pub fn replace(&self, value: T) {
        *self.0.write().expect("no holder of this lock panics") = value;
    }
}

impl<T> From<T> for Replaceable<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(RwLock::new(value)))
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
