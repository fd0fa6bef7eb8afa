//! What the bridge says about itself: metrics, logs, health.

pub mod health;
pub mod metrics;

pub use health::{BlockReason, TargetHealth};
pub use metrics::Metrics;
