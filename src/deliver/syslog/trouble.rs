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

/// So many connections in a row that end before anything is confirmed are no restart: it takes some seconds until then.
const MAX_LOST: u32 = 4;

/// What is repeated in the log no more often than this, also if the receiver took something meanwhile.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The troubles since the receiver last took something.
#[derive(Debug)]
pub struct Troubles {
    retry: Retry,
    blocks: Blocks,
    /// Connections that ended since.
    lost: u32,
    logged: Option<Instant>,
}

impl Troubles {
    /// None. What only an operator can mend is tried again after `try_interval`, and then ever more rarely.
    pub fn new(try_interval: Duration) -> Self {
        Self {
            retry: Retry::default(),
            blocks: Blocks::new(try_interval),
            lost: 0,
            logged: None,
        }
    }

    /// Says what is wrong in metrics, log and health. Gives the moment of the next try.
    pub fn met(&mut self, trouble: Trouble, context: &Context) -> Instant {
        let reason = trouble.reason.as_str();
        context
            .metrics
            .deliver_retries_total
            .with_label_values(&[&*context.target, reason])
            .inc();
        let now = Instant::now();
        let failure = self.retry.failed();
        if trouble.is_lasting {
            self.blocks
                .block(BlockReason::Tls, trouble.detail, Cause::Batch, now);
            self.blocks.publish(&context.health);
            return self.blocks.next_try().unwrap_or(now);
        }
        self.lost += u32::from(trouble.reason == RetryReason::ConnectionLost);
        if self.lost >= MAX_LOST && !self.is_blocked() {
            let detail = format!(
                "{MAX_LOST} connections or more ended before a line was confirmed ({}); compare `framing`, `format`, `transport` and `message_limit` with the receiver",
                trouble.detail
            );
            // It is tried as often as before: a proxy whose receiver is away looks the same.
            context.health.block(BlockReason::Configuration, &detail);
        } else if failure.is_to_be_logged && self.logged.is_none_or(|before| now - before >= LOG_INTERVAL) {
            self.logged = Some(now);
            tracing::warn!(
                target_name = &*context.target,
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
        self.lost = 0;
        self.retry.succeeded();
        self.blocks.accepted(0);
        self.blocks.publish(&context.health);
    }
}
