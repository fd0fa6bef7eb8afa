//! The collector's paths: what each request does and how it is answered.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use flate2::read::GzDecoder;

use super::connection::Breaker;
use super::envelope::{self, Envelope};
use super::index::{Index, Visible};
use super::reply;
use super::script::{Answer, Content, RequestKind, Script};

/// Most bytes of a body, compressed or not: the limit of current releases.
const MAX_BODY_BYTES: usize = 838_860_800;

/// What all requests share.
#[derive(Debug)]
pub struct Service {
    /// Whether the token acknowledges.
    pub has_acknowledgement: bool,
    /// The token that is valid now.
    pub token: Mutex<String>,
    /// What was taken.
    pub index: Mutex<Index>,
    /// What is done instead of the usual.
    pub script: Mutex<Script>,
}

/// A reply before it is scripted.
struct Plain {
    status: u16,
    body: String,
    content_type: &'static str,
    visible: Visible,
}

/// The collector's paths.
pub fn router(service: Arc<Service>) -> Router {
    let collector = "/services/collector";
    let mut router = Router::new();
    for path in ["", "/event", "/event/1.0"] {
        router = router.route(&format!("{collector}{path}"), post(events));
    }
    for path in ["/health", "/health/1.0"] {
        router = router.route(&format!("{collector}{path}"), get(health));
    }
    router
        .route(&format!("{collector}/ack"), post(acknowledgements))
        .fallback(|| async { respond(Plain::code(404, None, None), &Answer::default(), None) })
        .with_state(service)
}

async fn events(
    State(service): State<Arc<Service>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return respond(Plain::page(413), &Answer::default(), None);
    };
    let answer = service.script().next(RequestKind::Event);
    let plain = match answer.content {
        Content::Code(code) => Plain::code(code, None, None),
        Content::Html(status) => Plain::page(status),
        Content::HtmlInstead(status) => {
            Plain::page(status).showing(service.events(&head.headers, query.as_deref(), body, None))
        }
        Content::Partial { code, number } => {
            service.events(&head.headers, query.as_deref(), body, Some((code, number)))
        }
        Content::Normal => service.events(&head.headers, query.as_deref(), body, None),
        Content::Pressed(code) => service
            .events(&head.headers, query.as_deref(), body, None)
            .pressed(code),
    };
    service.finish(plain, answer, &breaker).await
}

async fn acknowledgements(
    State(service): State<Arc<Service>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = service.script().next(RequestKind::Acknowledgement);
    let plain = match answer.content {
        Content::Code(code) => Plain::code(code, None, None),
        Content::Html(status) => Plain::page(status),
        Content::HtmlInstead(status) => {
            Plain::page(status).showing(service.answer(&headers, query.as_deref(), &body))
        }
        _ => service.answer(&headers, query.as_deref(), &body),
    };
    service.finish(plain, answer, &breaker).await
}

async fn health(State(service): State<Arc<Service>>, ConnectInfo(breaker): ConnectInfo<Breaker>) -> Response {
    let answer = service.script().next(RequestKind::Health);
    let plain = match answer.content {
        Content::Code(code) => Plain::code(code, None, None),
        Content::Html(status) => Plain::page(status),
        _ => Plain::code(17, None, None),
    };
    service.finish(plain, answer, &breaker).await
}

impl Service {
    fn events(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        body: Bytes,
        partial: Option<(u16, usize)>,
    ) -> Plain {
        self.index().statistics.requests += 1;
        match self.take(headers, query, body, partial) {
            Ok(plain) | Err(plain) => plain,
        }
    }

    /// Takes the events of a request; `Err` is a refusal.
    fn take(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        body: Bytes,
        partial: Option<(u16, usize)>,
    ) -> Result<Plain, Plain> {
        self.check_token(headers)?;
        let channel = self.channel(headers, query)?;
        let body = self.plain_body(headers, body)?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(Plain::code(5, None, None));
        }
        let script = self.script();
        if script.body_limit_bytes.is_some_and(|limit| body.len() > limit) {
            return Err(Plain::page(413));
        }
        if script.html_for.as_ref().is_some_and(|text| contains(&body, text)) {
            return Err(Plain::page(403));
        }
        let (mut envelopes, refusal) = envelope::split(&body);
        let mut refusal = refusal.map(|refusal| (refusal.code, refusal.number));
        let scripted = partial.or_else(|| first_refused(&script, &envelopes));
        let node = script.node;
        drop(script);
        if let Some((code, number)) = scripted.filter(|(_, number)| *number < envelopes.len()) {
            envelopes.truncate(number);
            refusal = Some((code, number));
        }
        let mut index = self.index();
        let acknowledgement = match channel {
            Some(channel) if self.has_acknowledgement && !envelopes.is_empty() => {
                Some(index.take(node, &channel, &envelopes))
            }
            _ => None,
        };
        let visible = match acknowledgement {
            Some(_) => Vec::new(),
            None => index
                .take_at_once(&envelopes)
                .map_err(|_| Plain::code(8, None, None))?,
        };
        let (code, number) = match refusal {
            // An incorrect index is reported at the event behind it.
            Some((7, number)) => (7, Some(number + 1)),
            Some((code, number)) => (code, Some(number)),
            None => (0, None),
        };
        Ok(Plain {
            visible,
            ..Plain::code(code, number, acknowledgement)
        })
    }

    fn answer(&self, headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Plain {
        match self.try_answer(headers, query, body) {
            Ok(plain) | Err(plain) => plain,
        }
    }

    fn try_answer(&self, headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Plain, Plain> {
        #[derive(serde::Deserialize)]
        struct Question {
            acks: Vec<u64>,
        }
        self.check_token(headers)?;
        if !self.has_acknowledgement {
            return Err(Plain::code(14, None, None));
        }
        let channel = self
            .channel(headers, query)?
            .ok_or_else(|| Plain::code(10, None, None))?;
        let question: Question = serde_json::from_slice(body).map_err(|_| Plain::code(6, None, None))?;
        let script = self.script();
        let (node, never, needed) = (
            script.node,
            script.never_acknowledges,
            script.questions_before_true,
        );
        drop(script);
        let is_indexed = |questions| !never && questions >= needed;
        let answer = self.index().ask(node, &channel, &question.acks, is_indexed);
        let (answers, visible) = answer.map_err(|_| Plain::code(8, None, None))?;
        let pairs: Vec<String> = answers
            .iter()
            .map(|(id, is_true)| format!("\"{id}\":{is_true}"))
            .collect();
        Ok(Plain {
            status: 200,
            body: format!("{{\"acks\":{{{}}}}}", pairs.join(",")),
            content_type: JSON,
            visible,
        })
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Plain> {
        let given = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap_or_default());
        let code = match given.map(|given| given.split_once(' ')) {
            None => 2,
            Some(Some(("Splunk", token))) if *self.token.lock().expect(LOCK) == token => return Ok(()),
            Some(Some(("Splunk", _))) => 4,
            Some(_) => 3,
        };
        Err(Plain::code(code, None, None))
    }

    /// The channel of a request. Without one: 10, if the token acknowledges.
    fn channel(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Option<String>, Plain> {
        let in_header = headers
            .get("x-splunk-request-channel")
            .and_then(|value| value.to_str().ok());
        let in_query =
            query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("channel=")));
        match in_header.or(in_query) {
            None if self.has_acknowledgement => Err(Plain::code(10, None, None)),
            None => Ok(None),
            Some(text) => match uuid::Uuid::try_parse(text) {
                Ok(channel) => Ok(Some(channel.to_string())),
                Err(_) => Err(Plain::code(11, None, None)),
            },
        }
    }

    fn plain_body(&self, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Plain> {
        match headers
            .get(header::CONTENT_ENCODING)
            .map(|value| value.as_bytes())
        {
            None | Some(b"identity") => Ok(body),
            Some(b"gzip") if !self.script().refuses_gzip => {
                let mut plain = Vec::with_capacity(body.len() * 8);
                GzDecoder::new(&body[..])
                    .take(MAX_BODY_BYTES as u64)
                    .read_to_end(&mut plain)
                    .map_err(|_| Plain::code(6, None, None))?;
                Ok(plain.into())
            }
            Some(_) => Err(Plain::page(415)),
        }
    }

    /// Lets the reply go as scripted, and tells the subscriber before the peer can know.
    async fn finish(&self, plain: Plain, answer: Answer, breaker: &Breaker) -> Response {
        let subscriber = self.index().subscriber.clone();
        if let Some(subscriber) = subscriber {
            for envelope in &plain.visible {
                // A subscriber that left wants nothing more.
                if subscriber.send(envelope.clone()).await.is_err() {
                    break;
                }
            }
        }
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        breaker.set(answer.fate);
        let node_cookie = {
            let script = self.script();
            script
                .sets_node_cookie
                .then(|| format!("node={}; Path=/", script.node))
        };
        respond(plain, &answer, node_cookie)
    }

    /// What was taken.
    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().expect(LOCK)
    }

    /// What is done instead of the usual.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect(LOCK)
    }
}

const LOCK: &str = "no holder of this lock panics";
const JSON: &str = "application/json; charset=UTF-8";

impl Plain {
    fn code(code: u16, invalid_event_number: Option<usize>, acknowledgement: Option<u64>) -> Self {
        Self {
            status: reply::status_and_text(code).0,
            body: reply::body(code, invalid_event_number, acknowledgement),
            content_type: JSON,
            visible: Vec::new(),
        }
    }

    fn page(status: u16) -> Self {
        Self {
            status,
            body: reply::PAGE.to_owned(),
            content_type: "text/html; charset=UTF-8",
            visible: Vec::new(),
        }
    }

    /// The same reply for what another one did.
    fn showing(mut self, other: Plain) -> Self {
        self.visible = other.visible;
        self
    }

    /// A success reported by another code.
    fn pressed(mut self, code: u16) -> Self {
        self.body = self.body.replace("\"code\":0", &format!("\"code\":{code}"));
        self
    }
}

fn first_refused(script: &Script, envelopes: &[Envelope]) -> Option<(u16, usize)> {
    envelopes.iter().enumerate().find_map(|(number, envelope)| {
        let is_refused = |index: &str| script.refused_indexes.contains(index);
        if envelope.index.as_deref().is_some_and(is_refused) {
            return Some((7, number));
        }
        let (text, code) = script.poison.as_ref()?;
        contains(&envelope.bytes, text).then_some((*code, number))
    })
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn respond(plain: Plain, answer: &Answer, node_cookie: Option<String>) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(plain.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, plain.content_type);
    for cookie in answer.set_cookie.iter().chain(&node_cookie) {
        response = response.header(header::SET_COOKIE, cookie);
    }
    if let Some(seconds) = answer.retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response
        .body(Body::from(plain.body))
        .expect("scripted headers are valid")
}
