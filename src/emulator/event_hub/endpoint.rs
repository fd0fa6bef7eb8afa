//! The hub's side of one connection: headers, SASL, frames, sessions. It touches bytes only, no socket.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use serde_amqp::Value;
use serde_amqp::primitives::Array;
use tokio::time::Instant;

use super::authorization::Authorization;
use super::codec::{
    self, FRAME_AMQP, FRAME_SASL, Fields, code, put_frame, put_performative, symbol, take_value,
};
use super::consumer::OUTPUT_BYTES_MAX;
use super::faults::Condition;
use super::hub::Hub;
use super::session::{Context, Session, properties};

/// Protocol headers of the two layers.
const HEADER_SASL: [u8; 8] = *b"AMQP\x03\x01\x00\x00";
const HEADER_AMQP: [u8; 8] = *b"AMQP\x00\x01\x00\x00";
/// Largest frame the hub takes.
const FRAME_SIZE_MAX: u32 = 65_536;
/// Room kept for bytes that arrive.
const INPUT_BYTES: usize = 64 * 1024;
/// What the .NET client insists on comes first; then what everyone else speaks.
const MECHANISMS: [&str; 4] = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];
/// Used where the peer asks for no heartbeat.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(60);
/// How long a peer may take to answer a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why a connection ended against the protocol.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to read or write the socket")]
    Socket(#[from] std::io::Error),
    #[error("failed to speak WebSocket")]
    WebSocket(#[source] Box<fe2o3_amqp_ws::tungstenite::Error>),
    #[error("failed to understand the peer")]
    Codec(#[from] codec::Error),
    #[error("expected a protocol header of AMQP 1.0")]
    Header,
    #[error("frame of {size} bytes is outside the agreed limits")]
    FrameSize { size: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Header,
    Sasl,
    /// Headers are exchanged; nothing may be sent before the peer's open is answered.
    Handshake,
    Open,
    /// The hub closed; the peer's answer is awaited, or its reading of the reason would race with the socket's end.
    CloseSent,
    /// Nothing is left to do but to flush.
    Closing,
}

/// State of one connection.
pub(super) struct Endpoint {
    hub: Arc<Hub>,
    phase: Phase,
    pub input: BytesMut,
    pub out: BytesMut,
    scratch: Vec<u8>,
    sessions: BTreeMap<u16, Session>,
    authorized: Authorization,
    torn: bool,
    first_session: u16,
    /// When the peer's answer to a close is no longer awaited.
    pub close_by: Option<Instant>,
    frame_size_max: usize,
    /// How often the peer wants to hear something.
    pub heartbeat: Duration,
    /// How often all connections had been dropped when this one began.
    pub drops: u64,
    closes: u64,
}

impl Endpoint {
    /// A connection on which nothing has arrived yet.
    pub fn new(hub: Arc<Hub>) -> Self {
        let faults = hub.faults.state();
        let (drops, closes) = (faults.drops, faults.closes);
        drop(faults);
        hub.counters.connections.fetch_add(1, Ordering::Relaxed);
        hub.counters.open_connections.fetch_add(1, Ordering::Relaxed);
        hub.wake();
        Self {
            authorized: match (&hub.options.key, &hub.options.authority) {
                (None, None) => Authorization::Always,
                _ => Authorization::Never,
            },
            hub,
            phase: Phase::Header,
            input: BytesMut::with_capacity(INPUT_BYTES),
            out: BytesMut::with_capacity(OUTPUT_BYTES_MAX),
            scratch: Vec::new(),
            sessions: BTreeMap::new(),
            torn: false,
            first_session: 0,
            close_by: None,
            frame_size_max: 512,
            heartbeat: HEARTBEAT_DEFAULT,
            drops,
            closes,
        }
    }

    /// Handles all frames that arrived and writes what may be sent.
    pub fn step(&mut self) -> Result<(), Error> {
        while self.header()? {}
        while let Some((frame_type, channel, body)) = self.next_frame()? {
            self.frame(frame_type, channel, &body)?;
        }
        // A nearly full buffer would be read into in tiny pieces.
        if self.input.capacity() - self.input.len() < INPUT_BYTES / 4 {
            self.input.reserve(INPUT_BYTES);
        }
        if self.phase != Phase::Open {
            return Ok(());
        }
        let forced = {
            let faults = self.hub.faults.state();
            let forced = faults.closes != self.closes;
            self.closes = faults.closes;
            faults.close_condition.clone().filter(|_| forced)
        };
        if let Some(condition) = forced {
            self.put_close(Some(&condition))?;
            self.phase = Phase::CloseSent;
            self.close_by = Some(Instant::now() + CLOSE_LIMIT);
            return Ok(());
        }
        let mut sessions = std::mem::take(&mut self.sessions);
        // Another session goes first each time, so that none starves the others.
        let mut later = sessions.range((Bound::Excluded(self.first_session), Bound::Unbounded));
        self.first_session = later.next().map_or(0, |(channel, _)| *channel);
        let first = self.first_session;
        for (_, session) in sessions.range_mut(first..) {
            session.pump(&mut self.context())?;
        }
        for (_, session) in sessions.range_mut(..first) {
            session.pump(&mut self.context())?;
        }
        self.sessions = sessions;
        if self.torn {
            self.phase = Phase::Closing;
        }
        Ok(())
    }

    /// How long the peer may read by its token; then its links are to be ended.
    pub fn authorized_for(&self) -> Option<Duration> {
        self.authorized.left()
    }

    /// Whether the connection ends as soon as its output is flushed.
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Answers a protocol header; whether there was one.
    fn header(&mut self) -> Result<bool, Error> {
        if self.phase != Phase::Header || self.input.len() < 8 {
            return Ok(false);
        }
        let header = self.input.split_to(8);
        if header[..] == HEADER_AMQP {
            self.out.extend_from_slice(&HEADER_AMQP);
            self.phase = Phase::Handshake;
        } else if header[..] == HEADER_SASL {
            self.out.extend_from_slice(&HEADER_SASL);
            let names = MECHANISMS.iter().map(|name| symbol(name)).collect::<Vec<_>>();
            self.put_sasl(code::SASL_MECHANISMS, vec![Value::Array(Array(names))])?;
            self.phase = Phase::Sasl;
        } else {
            return Err(Error::Header);
        }
        Ok(true)
    }

    fn next_frame(&mut self) -> Result<Option<(u8, u16, BytesMut)>, Error> {
        if self.phase == Phase::Header || self.input.len() < 8 {
            return Ok(None);
        }
        let size = u32::from_be_bytes(self.input[..4].try_into().expect("four bytes")) as usize;
        let offset = usize::from(self.input[4]) * 4;
        if size < 8 || size > FRAME_SIZE_MAX as usize || offset < 8 || offset > size {
            return Err(Error::FrameSize { size });
        }
        if self.input.len() < size {
            self.input.reserve(size);
            return Ok(None);
        }
        let mut frame = self.input.split_to(size);
        let frame_type = frame[5];
        let channel = u16::from_be_bytes([frame[6], frame[7]]);
        frame.advance(offset);
        Ok(Some((frame_type, channel, frame)))
    }

    fn frame(&mut self, frame_type: u8, channel: u16, body: &[u8]) -> Result<(), Error> {
        if body.is_empty() || self.phase == Phase::Closing {
            return Ok(());
        }
        let code = codec::descriptor_code(body).ok_or(codec::Error::Malformed { context: "frame" })?;
        if self.phase == Phase::CloseSent {
            if code == code::CLOSE {
                self.phase = Phase::Closing;
            }
            return Ok(());
        }
        let (value, payload) = take_value(body, "performative")?;
        let fields = Fields::of(&value);
        if frame_type == FRAME_SASL {
            return self.sasl(code, &fields);
        }
        match code {
            code::OPEN => self.open(&fields),
            code::BEGIN => {
                let session = Session::begin(channel, &fields, self.frame_size_max, &mut self.out)?;
                self.sessions.insert(channel, session);
                Ok(())
            }
            code::END => {
                self.sessions.remove(&channel);
                Ok(put_performative(
                    &mut self.out,
                    channel,
                    code::END,
                    vec![Value::Null],
                )?)
            }
            code::CLOSE => {
                self.phase = Phase::Closing;
                self.put_close(None)
            }
            _ => {
                let Some(mut session) = self.sessions.remove(&channel) else {
                    return Ok(());
                };
                session.handle(&mut self.context(), code, &fields, payload)?;
                self.sessions.insert(channel, session);
                Ok(())
            }
        }
    }

    fn sasl(&mut self, code: u64, init: &Fields) -> Result<(), Error> {
        if code != code::SASL_INIT {
            return Ok(());
        }
        let accepted = match (init.text(0), self.hub.key()) {
            (Some("PLAIN"), Some(key)) => {
                let expected = format!("\0{}\0{}", key.name, key.key);
                let given = match init.get(1) {
                    Value::Binary(bytes) => bytes.as_slice(),
                    _ => &[],
                };
                let is_known = given == expected.as_bytes();
                if is_known {
                    self.authorized = Authorization::Always;
                }
                is_known
            }
            (Some(name), _) => MECHANISMS.contains(&name),
            (None, _) => false,
        };
        let outcome = if accepted { 0 } else { 1 };
        self.put_sasl(code::SASL_OUTCOME, vec![Value::Ubyte(outcome), Value::Null])?;
        self.phase = if accepted { Phase::Header } else { Phase::Closing };
        Ok(())
    }

    fn open(&mut self, open: &Fields) -> Result<(), Error> {
        self.phase = Phase::Open;
        self.frame_size_max = open.uint(2).unwrap_or(u32::MAX).clamp(512, 1 << 20) as usize;
        if let Some(millis) = open.uint(4).filter(|millis| *millis > 0) {
            self.heartbeat = Duration::from_millis(u64::from(millis).div_ceil(2));
        }
        let fields = vec![
            Value::String("hub2siem-emulator".to_owned()),
            Value::Null,
            Value::Uint(FRAME_SIZE_MAX),
            Value::Ushort(255),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            properties(),
        ];
        Ok(put_performative(&mut self.out, 0, code::OPEN, fields)?)
    }

    fn put_close(&mut self, condition: Option<&Condition>) -> Result<(), Error> {
        let reason = condition.map_or(Value::Null, |condition| {
            codec::error(&condition.condition, &condition.description)
        });
        put_performative(&mut self.out, 0, code::CLOSE, vec![reason])?;
        self.sessions.clear();
        Ok(())
    }

    /// Appends an empty frame if nothing else is on its way.
    pub fn put_heartbeat(&mut self) {
        if self.phase == Phase::Open && self.out.is_empty() {
            put_frame(&mut self.out, FRAME_AMQP, 0, &[]);
        }
    }

    fn put_sasl(&mut self, code: u64, fields: Vec<Value>) -> Result<(), Error> {
        let body = serde_amqp::to_vec(&codec::list(code, fields)).map_err(codec::Error::from)?;
        put_frame(&mut self.out, FRAME_SASL, 0, &body);
        Ok(())
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            hub: &self.hub,
            out: &mut self.out,
            scratch: &mut self.scratch,
            authorized: &mut self.authorized,
            torn: &mut self.torn,
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.hub.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
        self.hub.wake();
    }
}
