//! Why there is no connection, what is said about that, and when it is worth another try.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::End;
use crate::deliver::Context;
use crate::deliver::blocked::{Blocks, Cause};
use crate::deliver::retry_reason::RetryReason;
use crate::deliver::stream;
use crate::durable::retry::{Retry, chain};
use crate::telemetry::BlockReason;

/// A connection that was not made, or ended.
#[derive(Debug)]
pub struct Trouble {
    reason: RetryReason,
    detail: String,
    /// Whether it stays so until somebody mends something.
    is_lasting: bool,
}

impl Trouble {
    /// There is no connection.
    pub fn connecting(error: &stream::Error) -> Self {
        let is_lasting = error.is_lasting();
        Self {
            reason: if is_lasting {
                RetryReason::Tls
            } else {
                RetryReason::Connect
            },
            detail: chain(error),
            is_lasting,
        }
    }

    /// There was one.
    pub fn ended(end: &End) -> Self {
        let is_lasting = matches!(end, End::Refused { .. });
        Self {
            reason: if is_lasting {
                RetryReason::Tls
            } else {
                RetryReason::ConnectionLost
            },
            detail: chain(end),
            is_lasting,
        }
    }
}

/// The troubles since the receiver last took something.
#[derive(Debug)]
pub struct Troubles {
    retry: Retry,
    blocks: Blocks,
}

impl Troubles {
    /// None. What only an operator can mend is tried again after `try_interval`, and then ever more rarely.
    pub fn new(try_interval: Duration) -> Self {
        Self {
            retry: Retry::default(),
            blocks: Blocks::new(try_interval),
        }
    }

    /// Says what is wrong in metrics, log and health. Gives the moment of the next try.
    pub fn met(&mut self, trouble: Trouble, context: &Context) -> Instant {
        let target = &*context.target;
        let reason = trouble.reason.as_str();
        context
            .metrics
            .deliver_retries_total
            .with_label_values(&[target, reason])
            .inc();
        let failure = self.retry.failed();
        let now = Instant::now();
        if trouble.is_lasting {
            self.blocks
                .block(BlockReason::Tls, trouble.detail, Cause::Batch, now);
            self.blocks.publish(&context.health);
            return self.blocks.next_try().unwrap_or(now);
        }
        if failure.is_to_be_logged {
            tracing::warn!(
                target_name = target,
                reason,
                detail = trouble.detail,
                failures = failure.failures,
                "no connection to the syslog receiver; records wait, and unconfirmed ones are sent again"
            );
        }
        now + failure.delay
    }

    /// Whether only an operator can mend it.
    pub fn is_blocked(&self) -> bool {
        self.blocks.is_target_blocked()
    }

    /// Another try begins.
    pub fn try_again(&mut self) {
        self.blocks.begin_try(Instant::now());
    }

    /// The receiver takes what is sent.
    pub fn over(&mut self, context: &Context) {
        self.retry.succeeded();
        self.blocks.accepted(0);
        self.blocks.publish(&context.health);
    }
}
