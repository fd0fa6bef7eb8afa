//! Says in the log how long a blocked target may stay so: once it is known, and then rarely.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::telemetry::readiness::BlockedTarget;
use crate::telemetry::{Left, Readiness};

/// Between two looks at the targets.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// What was said is said again after this: an operator who is late still finds it in today's log.
const REPEAT_INTERVAL: Duration = Duration::from_secs(3600);

/// Looks at the targets until `stop`.
pub async fn report(readiness: Arc<Readiness>, stop: CancellationToken) {
    let mut said = Said::default();
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        for (target, left) in said.due(readiness.blocked_targets(), Instant::now()) {
            tracing::error!(
                target_name = &*target.name,
                reason = target.blocked.reason.as_str(),
                seconds_left = left.time.map(|time| time.as_secs()),
                events_left = left.events,
                "target is still blocked: {left}"
            );
        }
    }
}

/// The targets of which it was said, and when.
#[derive(Debug, Default)]
struct Said(BTreeMap<Arc<str>, Instant>);

impl Said {
    /// Of the targets that are blocked now, those of which it is time to say what is left.
    fn due(&mut self, blocked: Vec<BlockedTarget>, now: Instant) -> Vec<(BlockedTarget, Left)> {
        self.0
            .retain(|name, _| blocked.iter().any(|target| target.name == *name));
        let mut due = Vec::new();
        for target in blocked {
            let Some(left) = target.left.filter(Left::is_known) else {
                continue;
            };
            let is_due = self
                .0
                .get(&target.name)
                .is_none_or(|said| now.duration_since(*said) >= REPEAT_INTERVAL);
            if is_due {
                self.0.insert(Arc::clone(&target.name), now);
                due.push((target, left));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::BlockReason;
    use crate::telemetry::health::Blocked;

    fn target(name: &str, events: Option<u64>) -> BlockedTarget {
        BlockedTarget {
            name: name.into(),
            blocked: Blocked {
                reason: BlockReason::Authorization,
                detail: "403".to_owned(),
            },
            left: Some(Left { time: None, events }),
        }
    }

    /// Scenario: a target is blocked for two hours, a second one becomes blocked meanwhile; what is left is not known at
    /// first; then the first one works for a moment.
    /// Guarantees: each is named once it is known what is left, then once an hour, and anew after it worked.
    #[test]
    fn says_it_once_an_hour() {
        let start = Instant::now();
        let mut said = Said::default();
        let mut names = |seconds: u64, blocked: Vec<BlockedTarget>| {
            let due = said.due(blocked, start + Duration::from_secs(seconds));
            let names = due.into_iter().map(|(target, _)| target.name.to_string());
            names.collect::<Vec<_>>()
        };
        let (a, b) = (|| target("a", Some(5)), || target("b", Some(9)));
        assert!(names(0, vec![target("a", None)]).is_empty());
        assert_eq!(names(60, vec![a()]), ["a"]);
        assert_eq!(names(70, vec![a(), b()]), ["b"]);
        assert!(names(3659, vec![a(), b()]).is_empty());
        assert_eq!(names(3660, vec![a(), b()]), ["a"]);
        assert_eq!(names(3670, vec![a(), b()]), ["b"]);
        assert!(names(3680, vec![]).is_empty());
        assert_eq!(names(3690, vec![a()]), ["a"]);
    }
}
