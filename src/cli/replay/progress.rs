//! What is seen of a replay while it runs.

use crate::cli::display::Seen;
use crate::pipeline::replay::progress::Totals;

/// Counted in events read.
pub(super) fn seen(totals: &Totals) -> Seen {
    let blocked = totals
        .blocked
        .as_ref()
        .map(|why| format!("; the target is blocked by {why}"));
    Seen {
        done: totals.events,
        of: totals.events_expected,
        message: format!(
            "{} records delivered, {} rejected{}",
            totals.delivered,
            totals.rejected,
            blocked.unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_it_is() {
        let totals = Totals {
            events: 12,
            events_expected: 40,
            delivered: 11,
            rejected: 1,
            blocked: None,
        };
        let message = |totals| seen(totals).message;
        assert_eq!(message(&totals), "11 records delivered, 1 rejected");
        let blocked = Totals {
            blocked: Some("authorization: HTTP 403".to_owned()),
            ..totals
        };
        assert_eq!(
            message(&blocked),
            "11 records delivered, 1 rejected; the target is blocked by authorization: HTTP 403"
        );
    }
}
