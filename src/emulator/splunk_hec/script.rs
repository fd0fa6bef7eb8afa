//! What the receiver is told to do instead of what a healthy one does.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// Kinds of requests that can be scripted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A batch of events.
    Event,
    /// A question about acknowledgements.
    Acknowledgement,
    /// A question for health.
    Health,
}

/// How one request is met. The default is as a healthy receiver would.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// What is said and done.
    pub content: Content,
    /// How long the reply is held back after the request was dealt with.
    pub delay: Duration,
    /// How the reply leaves.
    pub fate: Fate,
    /// `Set-Cookie` of the reply.
    pub set_cookie: Option<String>,
    /// `Retry-After` of the reply, in seconds.
    pub retry_after: Option<u64>,
}

/// What is said and done.
#[derive(Debug, Clone, Default)]
pub enum Content {
    /// The request is dealt with.
    #[default]
    Normal,
    /// The request is dealt with, but a success is reported by this code: 24 or 25.
    Pressed(u16),
    /// Nothing is done; the collector's code and text are the reply.
    Code(u16),
    /// The events before this position are taken and a code is the reply, whatever the rest looks like.
    Partial {
        /// 6, 7, 12, 13 or 15.
        code: u16,
        /// Position of the event that is refused; 7 reports the one after it.
        number: usize,
    },
    /// Nothing is done; a proxy's page is the reply.
    Html(u16),
    /// The request is dealt with; a proxy's page is the reply.
    HtmlInstead(u16),
}

/// How a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// Whole.
    #[default]
    Whole,
    /// Only its first half; then the connection ends.
    Cut,
    /// Not at all: the connection ends.
    Lost,
}

/// Lasting behaviour, and a queue of answers that go before it.
#[derive(Debug, Default)]
pub struct Script {
    /// Questions after which an acknowledgement is `true`; 0 is at the first one.
    pub questions_before_true: u32,
    /// Whether acknowledgements never become `true`.
    pub never_acknowledges: bool,
    /// Most bytes of a body before it is answered 413; after gzip is undone.
    pub body_limit_bytes: Option<usize>,
    /// Whether compressed bodies are answered 415.
    pub refuses_gzip: bool,
    /// Indexes the token may not use, answered 7.
    pub refused_indexes: HashSet<String>,
    /// Events with this text are answered with this code at their position.
    pub poison: Option<(String, u16)>,
    /// Bodies with this text are answered 403 with a page, as by a filter before the collector; nothing is taken.
    pub html_for: Option<String>,
    /// The node that answers; each has its own channels.
    pub node: u32,
    /// Whether each reply sets a cookie that names the node.
    pub sets_node_cookie: bool,
    events: VecDeque<Answer>,
    acknowledgements: VecDeque<Answer>,
    health: VecDeque<Answer>,
}

impl Answer {
    /// The collector's code, nothing done.
    pub fn code(code: u16) -> Self {
        Content::Code(code).into()
    }

    /// The same answer after `delay`.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same answer with another fate.
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.fate = fate;
        self
    }
}

impl From<Content> for Answer {
    fn from(content: Content) -> Self {
        Self {
            content,
            ..Self::default()
        }
    }
}

impl Script {
    /// Adds answers for the next requests of a kind, in order.
    pub fn then(&mut self, kind: RequestKind, answers: impl IntoIterator<Item = Answer>) {
        self.queue(kind).extend(answers);
    }

    /// Whether every scripted answer for a kind was given.
    pub fn is_played(&mut self, kind: RequestKind) -> bool {
        self.queue(kind).is_empty()
    }

    pub(super) fn next(&mut self, kind: RequestKind) -> Answer {
        self.queue(kind).pop_front().unwrap_or_default()
    }

    fn queue(&mut self, kind: RequestKind) -> &mut VecDeque<Answer> {
        match kind {
            RequestKind::Event => &mut self.events,
            RequestKind::Acknowledgement => &mut self.acknowledgements,
            RequestKind::Health => &mut self.health,
        }
    }
}
