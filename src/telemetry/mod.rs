//! What the bridge says about itself: metrics, logs, health.

pub mod metrics;

pub use metrics::Metrics;
