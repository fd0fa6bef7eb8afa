//! One session: numbers, what is not answered yet, and what each answer is about. No input or output happens here.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::answer::{Answer, offers_syslog, one_line, software};
use super::frame::{self, Number};

/// What we say at the beginning: who we are, and the one command that is used.
const OFFERS: &str = concat!(
    "relp_version=0\nrelp_software=hub2siem,",
    env!("CARGO_PKG_VERSION"),
    "\ncommands=syslog"
);

/// A session from its `open` to its end. `M` is what the caller wants back for each message.
#[derive(Debug)]
pub struct Session<M> {
    next: Number,
    state: State,
    unanswered: VecDeque<Sent<M>>,
    /// When the receiver was last heard of or, if later, first owed an answer.
    waits_since: Instant,
    answered: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening(Number),
    Open,
    Closing(Number),
}

#[derive(Debug)]
struct Sent<M> {
    number: Number,
    message: M,
    at: Instant,
}

/// What the receiver said.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<M> {
    /// Messages may be sent.
    Opened {
        /// What the receiver calls itself; empty if it does not say.
        software: String,
    },
    /// No message will be taken in this session.
    NotOpened {
        /// The receiver's text, or ours.
        text: String,
    },
    /// The receiver took responsibility for this message.
    Taken {
        /// What was given to [`Session::send`].
        message: M,
        /// When that was.
        sent: Instant,
    },
    /// The receiver did not take this message.
    Refused {
        /// What was given to [`Session::send`].
        message: M,
        /// The receiver's text.
        text: String,
    },
    /// Our `close` was answered; nothing follows.
    Closed,
    /// The receiver ends the session by itself; nothing follows.
    ServerClosed,
}

/// The receiver does not keep to the protocol; the session cannot go on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What came is no frame.
    #[error("failed to read a frame of the receiver")]
    Frame(#[from] frame::Error),
    /// An answer to something that was not sent, or is answered already.
    #[error("the receiver answered frame {number}, which awaits no answer")]
    UnknownNumber {
        /// The number.
        number: String,
    },
    /// A frame that is no answer.
    #[error("the receiver sent the command `{command}`, which no receiver sends")]
    UnknownCommand {
        /// The command.
        command: String,
    },
    /// An answer without a code.
    #[error("the receiver answered without a code: {text}")]
    UnreadableAnswer {
        /// What it sent, shortened.
        text: String,
    },
}

impl<M> Session<M> {
    /// Begins a session: adds its first frame to `output`.
    pub fn open(output: &mut Vec<u8>, now: Instant) -> Self {
        frame::append(Number::FIRST, "open", OFFERS.as_bytes(), output);
        Self {
            next: Number::FIRST.next(),
            state: State::Opening(Number::FIRST),
            unanswered: VecDeque::new(),
            waits_since: now,
            answered: 0,
        }
    }

    /// Whether messages may be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether [`Session::close`] was called.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing(_))
    }

    /// Messages without an answer.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Messages that were answered, either way.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Since when the receiver owes an answer without giving any; `None` while it owes none.
    pub fn waits_since(&self) -> Option<Instant> {
        (self.state != State::Open || !self.unanswered.is_empty()).then_some(self.waits_since)
    }

    /// Adds the frame of a message to `output`. The session is open, and `line` has at most
    /// [`frame::MAX_DATA_BYTES`].
    pub fn send(&mut self, message: M, line: &[u8], output: &mut Vec<u8>, now: Instant) {
        debug_assert!(self.is_open(), "a message is sent only when it may be");
        if self.unanswered.is_empty() {
            self.waits_since = now;
        }
        let number = self.take_number();
        frame::append(number, "syslog", line, output);
        self.unanswered.push_back(Sent {
            number,
            message,
            at: now,
        });
    }

    /// Adds the frame that ends the session to `output`; no message is sent after it.
    pub fn close(&mut self, output: &mut Vec<u8>, now: Instant) {
        let number = self.take_number();
        frame::append(number, "close", b"", output);
        self.state = State::Closing(number);
        self.waits_since = now;
    }

    /// What the first frame in `input` says, and how many bytes it takes; `None` while its end has not come yet.
    pub fn receive(&mut self, input: &[u8], now: Instant) -> Result<Option<(Event<M>, usize)>, Error> {
        let Some((frame, taken)) = frame::parse(input)? else {
            return Ok(None);
        };
        self.waits_since = now;
        let event = match frame.command {
            "rsp" => self.answer(frame.number, frame.data)?,
            "serverclose" => Event::ServerClosed,
            command => {
                let command = command.to_owned();
                return Err(Error::UnknownCommand { command });
            }
        };
        Ok(Some((event, taken)))
    }

    /// Ends the session and gives back the messages without an answer, in the order in which they were sent.
    pub fn into_unanswered(self) -> impl DoubleEndedIterator<Item = M> + ExactSizeIterator {
        self.unanswered.into_iter().map(|sent| sent.message)
    }

    fn answer(&mut self, number: Number, data: &[u8]) -> Result<Event<M>, Error> {
        let answer = Answer::parse(data);
        match self.state {
            State::Opening(open) if open == number => return self.opened(answer, data),
            State::Closing(close) if close == number => return Ok(Event::Closed),
            _ => {}
        }
        // Receivers answer in order, so it is the first one; it would be no less true of another.
        let place = self.unanswered.iter().position(|sent| sent.number == number);
        let Some(place) = place else {
            let number = number.to_string();
            return Err(Error::UnknownNumber { number });
        };
        if matches!(answer, Answer::Empty | Answer::Unreadable) {
            return Err(unreadable(data));
        }
        let sent = self.unanswered.remove(place).expect("it was found there");
        self.answered += 1;
        Ok(match answer {
            Answer::Refused { text } => Event::Refused {
                message: sent.message,
                text,
            },
            _ => Event::Taken {
                message: sent.message,
                sent: sent.at,
            },
        })
    }

    fn opened(&mut self, answer: Answer<'_>, data: &[u8]) -> Result<Event<M>, Error> {
        match answer {
            Answer::Taken { offers } if offers_syslog(offers) => {
                self.state = State::Open;
                let software = software(offers);
                Ok(Event::Opened { software })
            }
            Answer::Taken { .. } => Ok(Event::NotOpened {
                text: "the receiver does not offer the command `syslog`".to_owned(),
            }),
            Answer::Refused { text } => Ok(Event::NotOpened { text }),
            Answer::Empty | Answer::Unreadable => Err(unreadable(data)),
        }
    }

    fn take_number(&mut self) -> Number {
        let number = self.next;
        self.next = number.next();
        number
    }
}

fn unreadable(data: &[u8]) -> Error {
    Error::UnreadableAnswer { text: one_line(data) }
}

#[cfg(test)]
mod tests;
