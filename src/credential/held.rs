//! One token and its times.

use std::time::Duration;

use secrecy::SecretString;

use crate::event::Timestamp;

/// A token is renewed this long before its end, or earlier: the Azure crate holds on to one until 5 min before.
const MARGIN: Duration = Duration::from_secs(4 * 60);
/// How much earlier at most, so that several users of one identity do not ask together.
const JITTER_MAX: Duration = Duration::from_secs(50);
/// The least wait before a token is asked for again, whatever the times in it say.
const WAIT_MIN: Duration = Duration::from_millis(500);

/// A token as its users get it.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// Its text.
    pub text: SecretString,
    /// When it ends, by the clock of this machine.
    pub expires_at: Timestamp,
    /// When to ask for a newer one.
    pub ask_after: Duration,
}

/// A token that is kept for all users.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) text: SecretString,
    pub(super) expires_at: Timestamp,
    /// From now on whoever asks brings about a newer one.
    due_at: Timestamp,
    margin: Duration,
    jitter: Duration,
}

impl Held {
    /// A token got at `now`. One that lives shortly is renewed after half of its life.
    pub(super) fn new(text: SecretString, expires_at: Timestamp, now: Timestamp) -> Self {
        let life = until(expires_at, now);
        let margin = MARGIN.min(life * 2 / 5);
        let jitter = JITTER_MAX.min(life / 10);
        let early = i64::try_from((margin + jitter).as_millis()).unwrap_or(i64::MAX);
        Self {
            text,
            expires_at,
            due_at: Timestamp::from_millis(expires_at.as_millis() - early),
            margin,
            jitter,
        }
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due_at
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The wait until the renewal; `random` in 0..1 only shortens it. One that is due is renewed at this moment.
    pub(super) fn wait(&self, now: Timestamp, random: f64) -> Duration {
        if self.is_due(now) {
            return WAIT_MIN;
        }
        let latest = until(self.expires_at, now).saturating_sub(self.margin);
        latest.saturating_sub(self.jitter.mul_f64(random)).max(WAIT_MIN)
    }

    pub(super) fn to_token(&self, ask_after: Duration) -> AccessToken {
        AccessToken {
            text: self.text.clone(),
            expires_at: self.expires_at,
            ask_after,
        }
    }
}

/// From `now` to `moment`; nothing if that is past.
pub(super) fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(moment.millis_since(now).try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_renewed_four_minutes_before_its_end_or_a_little_earlier() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let after = |seconds: f64| Timestamp::from_millis(now.as_millis() + (seconds * 1000.0) as i64);
        for (life, latest, earliest) in [
            (3600.0, 3360.0, 3310.0),
            (86_400.0, 86_160.0, 86_110.0),
            (600.0, 360.0, 310.0),
            (300.0, 180.0, 150.0),
            (10.0, 6.0, 5.0),
        ] {
            let held = Held::new(SecretString::from("t"), after(life), now);
            assert_eq!(held.wait(now, 0.0).as_secs_f64(), latest, "{life}");
            assert_eq!(held.wait(now, 1.0).as_secs_f64(), earliest, "{life}");
            assert!(!held.is_due(after(earliest - 0.1)), "{life}");
            assert!(
                held.is_due(after(earliest)),
                "whoever waited gets a newer one: {life}"
            );
            assert!(
                life - earliest <= 300.0,
                "the Azure crate would give the same again: {life}"
            );
            assert!(held.is_expired(after(life)) && !held.is_expired(after(latest)));
        }
    }
}
