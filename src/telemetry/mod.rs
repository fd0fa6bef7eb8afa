//! What the bridge says about itself: metrics, logs, health.

pub mod health;
pub mod http;
pub mod log;
pub mod metrics;
pub mod partition_status;
pub mod readiness;
pub mod repeated;
pub mod retention;
pub mod silence;

pub use health::{BlockReason, TargetHealth};
pub use metrics::Metrics;
pub use partition_status::PartitionStatus;
pub use readiness::Readiness;
pub use retention::Left;
pub use silence::Silence;
