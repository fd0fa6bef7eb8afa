//! One session from the connection to its end: what is sent when, and what each answer settles.

use futures_util::stream::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::end::End;
use super::link::Link;
use super::message::{Message, Verdict, put_first};
use super::session::{Event, Session};
use super::worker::Worker;
use crate::acknowledge::Ticket;
use crate::deliver::stream::Stream;
use crate::deliver::syslog::line::Fit;
use crate::event::{RejectReason, Rejection};

/// Bytes of frames that may wait for the connection, unless a single frame is larger: bounds the copies of lines.
const MAX_OUTPUT_BYTES: usize = 256 * 1024;

/// What ends a session before everything is sent.
#[derive(Debug, Default)]
struct Refused {
    /// What the receiver said first.
    text: Option<String>,
    /// Those that are tried again before all others.
    messages: Vec<Message>,
}

/// What the answers of one wake-up add up to.
#[derive(Debug, Default)]
struct Taken {
    tickets: Vec<Ticket>,
    bytes: u64,
    first_sent: Option<Instant>,
}

impl Worker {
    /// Sends what waits until the session ends; what was not answered then waits again, in its order.
    pub(super) async fn session(&mut self, stream: Stream) -> End {
        if self.has_connected {
            let reconnects = &self.context.metrics.deliver_reconnects_total;
            reconnects.with_label_values(&[&*self.context.target]).inc();
        }
        self.has_connected = true;
        let mut link = Link::new(stream);
        let mut session = Session::open(&mut link.output, Instant::now());
        let mut refused = Refused::default();
        let mut events = Vec::new();
        let end = loop {
            self.take_over();
            self.fill(&mut session, &mut link, &refused);
            let deadline = session
                .waits_since()
                .map(|since| since + self.settings.answer_timeout);
            let room = self.room(session.unanswered() + refused.messages.len());
            tokio::select! {
                biased;
                exchanged = link.exchange() => {
                    let result = match exchanged {
                        Ok(()) => link.events(&mut session, &mut events),
                        Err(error) => Err(error),
                    };
                    if let Some(end) = self.hear(events.drain(..), &mut refused) {
                        break end;
                    }
                    if let Err(error) = result {
                        break End::from(error);
                    }
                }
                Some(()) = self.rejecting.next(), if !self.rejecting.is_empty() => {}
                taken = self.records.recv_many(&mut self.intake, room), if room > 0 => self.take_in(taken),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break End::NoAnswer,
            }
        };
        if matches!(end, End::Closed { .. }) {
            link.shut_down().await;
        }
        self.put_back(session, refused, &end);
        end
    }

    /// Adds frames for what waits, as long as there is room for their answers; or the one that ends the session.
    fn fill(&mut self, session: &mut Session<Message>, link: &mut Link, refused: &Refused) {
        if !session.is_open() {
            return;
        }
        let now = Instant::now();
        let is_all_answered = self.is_done() && session.unanswered() == 0;
        if is_all_answered || refused.text.is_some() {
            session.close(&mut link.output, now);
            return;
        }
        if !self.is_worth_a_write(session.unanswered()) {
            return;
        }
        let before = session.unanswered();
        let window = self.window();
        while session.unanswered() < window && link.waiting_bytes() < MAX_OUTPUT_BYTES {
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            self.send(message, session, link, now);
        }
        if session.unanswered() > before {
            let labels = [&*self.context.target];
            let metrics = &self.context.metrics;
            metrics.deliver_batches_total.with_label_values(&labels).inc();
            let seconds = metrics.deliver_seconds.with_label_values(&labels);
            seconds.observe(now.elapsed().as_secs_f64());
        }
    }

    /// Most lines without an answer. A receiver that stands still keeps what it was sent in its buffers and works it off
    /// in the end, so a whole window in each session would multiply the lines for as long as that lasts.
    fn window(&self) -> usize {
        match self.is_probing {
            true => 1,
            false => self.settings.window_lines,
        }
    }

    /// Whether what waits may be sent, and is enough for that: a quarter of the window, unless nothing is on its way. A
    /// write for each record, and one for each answer, would cost more than everything else.
    fn is_worth_a_write(&self, unanswered: usize) -> bool {
        let window = self.window();
        let quarter = (window / 4).max(1);
        let is_enough = self.waiting.len() >= quarter || unanswered == 0 || self.is_ended;
        !self.waiting.is_empty() && is_enough && unanswered + quarter <= window
    }

    fn send(&mut self, message: Message, session: &mut Session<Message>, link: &mut Link, now: Instant) {
        self.line.clear();
        let record = &message.record;
        match self
            .settings
            .line
            .encode(&record.bytes, &record.about, &mut self.line)
        {
            Ok(fit) => {
                if fit == Fit::Shortened {
                    let truncated = &self.context.metrics.deliver_truncated_records_total;
                    truncated.with_label_values(&[&*self.context.target]).inc();
                }
                session.send(message, &self.line, &mut link.output, now);
            }
            Err(error) => self.reject(message.record, error.into()),
        }
    }

    /// Does what the receiver said means; gives the end of the session if it was that. Answers behind an end count all the
    /// same: who answers has the record.
    fn hear(&mut self, events: impl Iterator<Item = Event<Message>>, refused: &mut Refused) -> Option<End> {
        let mut taken = Taken::default();
        let mut end = None;
        for event in events {
            match event {
                Event::Opened { software } => self.opened(&software),
                Event::NotOpened { text } => end = end.or(Some(End::NotOpened { text })),
                Event::Taken { message, sent } => taken.add(message, sent),
                Event::Refused { message, text } => {
                    // Those before it were taken, which counts for what follows from its refusal.
                    self.settle(std::mem::take(&mut taken));
                    self.refused(message, text, refused);
                }
                Event::Closed => {
                    let refusal = refused.text.take();
                    end = end.or(Some(End::Closed { refusal }));
                }
                Event::ServerClosed => end = end.or(Some(End::ServerClosed)),
            }
        }
        self.settle(taken);
        end
    }

    fn opened(&mut self, software: &str) {
        self.blocks.accepted(0);
        self.blocks.publish(&self.context.health);
        let connected = &self.context.metrics.deliver_connected;
        connected.with_label_values(&[&*self.context.target]).set(1);
        tracing::info!(
            target_name = &*self.context.target,
            software,
            "session with the RELP receiver is open"
        );
    }

    fn settle(&mut self, taken: Taken) {
        let Taken {
            tickets,
            bytes,
            first_sent,
        } = taken;
        let Some(first_sent) = first_sent else {
            return;
        };
        self.accepted += tickets.len() as u64;
        self.retry.succeeded();
        self.is_probing = false;
        let labels = [&*self.context.target];
        let metrics = &self.context.metrics;
        metrics
            .deliver_bytes_total
            .with_label_values(&labels)
            .inc_by(bytes);
        let confirmation = metrics.deliver_confirmation_seconds.with_label_values(&labels);
        confirmation.observe(first_sent.elapsed().as_secs_f64());
        self.context.delivered(tickets);
    }

    /// The receiver did not take this record: the session ends once what was sent with it is answered.
    fn refused(&mut self, mut message: Message, text: String, refused: &mut Refused) {
        match message.refusals.refused(self.accepted) {
            Verdict::First => refused.messages.push(message),
            Verdict::Last => self.waiting.push_back(message),
            Verdict::GivenUp => {
                let detail = text.clone();
                let reason = RejectReason::Refused;
                self.reject(message.record, Rejection { reason, detail });
            }
        }
        refused.text.get_or_insert(text);
    }

    /// What was refused or not answered is sent again in the next session, before what waits.
    fn put_back(&mut self, session: Session<Message>, refused: Refused, end: &End) {
        let is_silent = matches!(end, End::NoAnswer) || session.answered() == 0;
        self.is_probing |= is_silent && session.unanswered() > 0;
        let mut unanswered: Vec<_> = session.into_unanswered().collect();
        let labels = [&*self.context.target];
        let metrics = &self.context.metrics;
        let resent = metrics.deliver_resent_records_total.with_label_values(&labels);
        resent.inc_by(unanswered.len() as u64);
        let again = (unanswered.len() + refused.messages.len()) as u64;
        let retries = metrics
            .deliver_records_total
            .with_label_values(&[&*self.context.target, "retry"]);
        retries.inc_by(again);
        // Answers come in order, so it is the first one without that the receiver stopped at.
        if end.is_suspicious() && !unanswered.is_empty() {
            match unanswered[0].refusals.refused(self.accepted) {
                Verdict::First => {}
                Verdict::Last => self.waiting.push_back(unanswered.remove(0)),
                Verdict::GivenUp => {
                    let rejection = Rejection {
                        reason: RejectReason::Refused,
                        detail: format!(
                            "again and again the session ended at this record: {}",
                            end.detail()
                        ),
                    };
                    self.reject(unanswered.remove(0).record, rejection);
                }
            }
        }
        put_first(unanswered.into_iter(), &mut self.waiting);
        put_first(refused.messages.into_iter(), &mut self.waiting);
    }
}

impl Taken {
    fn add(&mut self, message: Message, sent: Instant) {
        self.bytes += message.record.bytes.len() as u64;
        self.first_sent.get_or_insert(sent);
        self.tickets.push(message.record.ticket);
    }
}
