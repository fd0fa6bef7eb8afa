//! One channel at one endpoint: its identity, its cookies, and the batches it owes an acknowledgement for.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::Batch;
use super::reply::Reply;

/// Time to the first question about a batch, and between questions while answers change something.
const POLL_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Time between questions when nothing changes.
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// A channel. When its node may have changed it is replaced as a whole, because ids mean nothing elsewhere.
#[derive(Debug)]
pub struct Channel {
    /// The GUID in the request header.
    pub id: String,
    cookies: Vec<(String, String)>,
    peer: Option<IpAddr>,
    pending: BTreeMap<u64, Pending>,
    last_id: Option<u64>,
    poll_interval: Duration,
    next_poll: Option<Instant>,
}

#[derive(Debug)]
struct Pending {
    batch: Batch,
    accepted: Instant,
}

impl Channel {
    /// A channel nobody knows yet.
    pub fn open() -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            cookies: Vec::new(),
            peer: None,
            pending: BTreeMap::new(),
            last_id: None,
            poll_interval: POLL_INTERVAL_MIN,
            next_poll: None,
        }
    }

    /// The `Cookie` header; `None` without cookies.
    pub fn cookie(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Keeps the cookies and the address behind a reply. `false` if they say that another node answered: a cookie
    /// changed, or, as long as no cookie leads to one node, the address.
    pub fn keep_node(&mut self, reply: &Reply) -> bool {
        let mut is_same = true;
        for (name, value) in &reply.cookies {
            match self.cookies.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => {
                    is_same &= known == value;
                    known.clone_from(value);
                }
                None => self.cookies.push((name.clone(), value.clone())),
            }
        }
        let peer = std::mem::replace(&mut self.peer, reply.peer);
        if self.cookies.is_empty() && peer.is_some() {
            is_same &= peer == reply.peer;
        }
        is_same
    }

    /// Whether `id` comes after all before it. If not, the node forgot the channel and counts anew.
    pub fn is_rising(&self, id: u64) -> bool {
        self.last_id.is_none_or(|last| id > last)
    }

    /// Waits for the acknowledgement of a batch; `id` must be rising.
    pub fn wait_for(&mut self, id: u64, batch: Batch, now: Instant) {
        debug_assert!(self.is_rising(id), "an id stands for one batch");
        self.last_id = Some(id);
        self.pending.insert(id, Pending { batch, accepted: now });
        self.poll_interval = POLL_INTERVAL_MIN;
        let soon = now + POLL_INTERVAL_MIN;
        self.next_poll = Some(self.next_poll.map_or(soon, |next| next.min(soon)));
    }

    /// The ids to ask about.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.pending.keys().copied()
    }

    /// Whether a batch waits for its acknowledgement.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// When to ask; `None` while nothing is pending.
    pub fn next_poll(&self) -> Option<Instant> {
        self.next_poll.filter(|_| self.has_pending())
    }

    /// When the oldest batch has waited for `timeout`.
    pub fn expiry(&self, timeout: Duration) -> Option<Instant> {
        self.pending
            .values()
            .map(|pending| pending.accepted + timeout)
            .min()
    }

    /// Takes out the batches that were confirmed and plans the next question.
    pub fn confirm(&mut self, ids: &[u64], now: Instant) -> Vec<Batch> {
        let batches: Vec<Batch> = ids
            .iter()
            .filter_map(|id| self.pending.remove(id))
            .map(|pending| pending.batch)
            .collect();
        if batches.is_empty() {
            self.poll_interval = (self.poll_interval * 2).min(POLL_INTERVAL_MAX);
        } else {
            self.poll_interval = POLL_INTERVAL_MIN;
        }
        self.next_poll = Some(now + self.poll_interval);
        batches
    }

    /// Asks again at `moment`.
    pub fn postpone_poll(&mut self, moment: Instant) {
        self.next_poll = Some(moment);
    }

    /// Asks as soon as possible, if anything is pending.
    pub fn poll_now(&mut self, now: Instant) {
        if self.has_pending() {
            self.next_poll = Some(now);
        }
    }

    /// The batches without acknowledgement, in the order they were sent.
    pub fn into_pending(self) -> impl DoubleEndedIterator<Item = Batch> {
        self.pending.into_values().map(|pending| pending.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(cookie: Option<(&str, &str)>, peer: [u8; 4]) -> Reply {
        let cookies = cookie.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Reply {
            status: 200,
            cookies: cookies.into_iter().collect(),
            retry_after: None,
            peer: Some(peer.into()),
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn a_changed_cookie_is_another_node() {
        let (here, there) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let mut channel = Channel::open();
        assert_eq!(channel.cookie(), None);
        for (cookie, peer, is_same) in [
            (Some(("node", "a")), here, true),
            (Some(("node", "a")), here, true),
            (Some(("other", "1")), here, true),
            (None, there, true),
            (Some(("node", "b")), here, false),
        ] {
            assert_eq!(
                channel.keep_node(&reply(cookie, peer)),
                is_same,
                "{cookie:?} {peer:?}"
            );
        }
        assert_eq!(channel.cookie().as_deref(), Some("node=b; other=1"));
    }

    #[test]
    fn without_cookies_a_changed_address_is_another_node() {
        let mut channel = Channel::open();
        assert!(channel.keep_node(&reply(None, [10, 0, 0, 1])));
        assert!(channel.keep_node(&reply(None, [10, 0, 0, 1])));
        assert!(!channel.keep_node(&reply(None, [10, 0, 0, 2])));
    }

    #[test]
    fn polls_slower_while_nothing_changes() {
        let mut now = Instant::now();
        let mut channel = Channel::open();
        channel.wait_for(0, Batch::default(), now);
        channel.wait_for(1, Batch::default(), now);
        for seconds in [1, 2, 4, 8, 10, 10] {
            let next = channel.next_poll().expect("something is pending");
            assert_eq!(next - now, Duration::from_secs(seconds));
            now = next;
            assert!(channel.confirm(&[7], now).is_empty());
        }
        assert_eq!(channel.confirm(&[0], now).len(), 1);
        assert_eq!(channel.next_poll(), Some(now + Duration::from_secs(1)));
        assert_eq!(channel.confirm(&[1], now).len(), 1);
        assert_eq!(channel.next_poll(), None);
    }

    #[test]
    fn ids_that_do_not_rise_are_another_node() {
        let mut channel = Channel::open();
        assert!(channel.is_rising(3));
        channel.wait_for(3, Batch::default(), Instant::now());
        assert!(channel.is_rising(4) && !channel.is_rising(3) && !channel.is_rising(0));
        assert_eq!(channel.into_pending().count(), 1);
    }
}
