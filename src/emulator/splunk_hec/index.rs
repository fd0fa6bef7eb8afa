//! What the receiver has taken: channels, acknowledgement ids, counters, and whom to tell.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::envelope::Envelope;

/// Counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests with events, refused ones included.
    pub requests: u64,
    /// Events taken.
    pub received: u64,
    /// Events whose acknowledgement was reported; all taken ones while acknowledgement is off.
    pub acknowledged: u64,
    /// Events taken whose `event_id` was taken before.
    pub duplicates: u64,
    /// Questions about acknowledgements.
    pub questions: u64,
}

/// Everything taken and not yet reported, and where it goes then.
#[derive(Debug, Default)]
pub struct Index {
    /// Counters since the start.
    pub statistics: Statistics,
    channels: HashMap<(u32, String), Channel>,
    event_ids: HashSet<Box<str>>,
    /// Where acknowledged envelopes are written, one a line.
    output: Option<std::fs::File>,
    /// Who is told of acknowledged envelopes.
    pub subscriber: Option<mpsc::Sender<Bytes>>,
    /// Every envelope taken, in order, for tests.
    pub kept: Option<Vec<Envelope>>,
}

#[derive(Debug, Default)]
struct Channel {
    next_id: u64,
    pending: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    questions: u32,
    count: u64,
    /// The envelopes, if anybody wants to see them.
    envelopes: Vec<Bytes>,
}

/// What became visible and has to be told to the subscriber.
pub type Visible = Vec<Bytes>;

impl Index {
    /// Nothing taken yet. `output` gets acknowledged envelopes; `keeps` keeps every envelope taken.
    pub fn new(output: Option<std::fs::File>, keeps: bool) -> Self {
        Self {
            output,
            kept: keeps.then(Vec::new),
            ..Self::default()
        }
    }

    /// Takes envelopes under a channel: the id to ask about.
    pub fn take(&mut self, node: u32, channel: &str, envelopes: &[Envelope]) -> u64 {
        self.count(envelopes);
        let is_watched = self.is_watched();
        let channel = self.channels.entry((node, channel.to_owned())).or_default();
        let id = channel.next_id;
        channel.next_id += 1;
        let taken = Taken {
            questions: 0,
            count: envelopes.len() as u64,
            envelopes: match is_watched {
                true => envelopes.iter().map(|envelope| envelope.bytes.clone()).collect(),
                false => Vec::new(),
            },
        };
        channel.pending.insert(id, taken);
        id
    }

    /// Takes envelopes that need no acknowledgement.
    pub fn take_at_once(&mut self, envelopes: &[Envelope]) -> std::io::Result<Visible> {
        self.count(envelopes);
        self.statistics.acknowledged += envelopes.len() as u64;
        self.show(envelopes.iter().map(|envelope| envelope.bytes.clone()).collect())
    }

    /// Answers a question: for each id whether it is indexed. `true` is said once.
    ///
    /// Errors: the output file cannot be written; then nothing was reported.
    pub fn ask(
        &mut self,
        node: u32,
        channel: &str,
        ids: &[u64],
        is_indexed: impl Fn(u32) -> bool,
    ) -> std::io::Result<(Vec<(u64, bool)>, Visible)> {
        self.statistics.questions += 1;
        let mut answers = Vec::with_capacity(ids.len());
        let mut visible = Vec::new();
        let mut channel = self.channels.get_mut(&(node, channel.to_owned()));
        for id in ids {
            let taken = channel.as_mut().and_then(|channel| channel.pending.get_mut(id));
            let is_true = taken.is_some_and(|taken| {
                taken.questions += 1;
                is_indexed(taken.questions - 1)
            });
            if is_true && let Some(taken) = channel.as_mut().and_then(|channel| channel.pending.remove(id)) {
                self.statistics.acknowledged += taken.count;
                visible.extend(taken.envelopes);
            }
            answers.push((*id, is_true));
        }
        Ok((answers, self.show(visible)?))
    }

    /// Forgets every channel with its ids.
    pub fn forget_channels(&mut self) {
        self.channels.clear();
    }

    fn is_watched(&self) -> bool {
        self.output.is_some() || self.subscriber.is_some()
    }

    fn count(&mut self, envelopes: &[Envelope]) {
        self.statistics.received += envelopes.len() as u64;
        for id in envelopes.iter().filter_map(|envelope| envelope.event_id.clone()) {
            if !self.event_ids.insert(id) {
                self.statistics.duplicates += 1;
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(envelopes);
        }
    }

    fn show(&mut self, envelopes: Vec<Bytes>) -> std::io::Result<Visible> {
        if let Some(output) = &mut self.output {
            let mut lines = Vec::with_capacity(envelopes.iter().map(|envelope| envelope.len() + 1).sum());
            for envelope in &envelopes {
                // Line ends outside of texts are white space; inside they are escaped. So each envelope is one line.
                lines.extend(envelope.iter().map(|byte| match byte {
                    b'\n' | b'\r' => b' ',
                    byte => *byte,
                }));
                lines.push(b'\n');
            }
            output.write_all(&lines)?;
        }
        Ok(match self.subscriber {
            Some(_) => envelopes,
            None => Vec::new(),
        })
    }
}
