//! Microsoft Entra ID as applications and machines meet it: token endpoint, metadata service, App Service.

mod authority;
mod metadata;
pub mod server;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use hub2siem::credential::config::{CloudChoice, Credential, CustomCloud};
use hub2siem::credential::{Cloud, Settings, TokenSource};
use hub2siem::emulator::event_hub::Authority;
use hub2siem::event::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::task::AbortOnDropHandle;

pub use authority::Application;

pub const TENANT: &str = "contoso.example";
pub const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
pub const SECRET: &str = "Q~right";
/// What App Service puts into the environment beside its address.
pub const HEADER: &str = "app-service-secret";
/// The audience of tokens for hubs.
const HUB: &str = "https://eventhubs.azure.net";
const KEY: &str = "key of the authority";

/// A running authority and metadata service; they end when dropped.
pub struct Entra {
    name: &'static str,
    pub authority: SocketAddr,
    pub metadata: SocketAddr,
    /// PEM file of the CA.
    pub ca: tempfile::NamedTempFile,
    state: Arc<Mutex<State>>,
    _servers: [AbortOnDropHandle<()>; 2],
}

/// What it knows, and how it behaves.
pub struct State {
    pub application: Application,
    /// Identities of the machine: the parameter that names one and its value; an empty one is the system's.
    pub identities: Vec<(&'static str, &'static str)>,
    /// Life of a token.
    pub lifetime_seconds: i64,
    /// How much longer those who are shown a token take it: whoever got it counts its life from when the answer came.
    pub leeway_seconds: i64,
    /// Its clock minus ours.
    pub skew_seconds: i64,
    /// What is answered in place of tokens, in order.
    pub instead: VecDeque<Refusal>,
    /// While set, nobody gets a token.
    pub outage: Option<Refusal>,
    /// While set, applications wait for an answer that never comes.
    pub is_silent: bool,
    /// While set, tokens have this text, but for those of the hub.
    pub fixed_token: Option<&'static str>,
    /// What was asked for: `scope` or `resource`, in order.
    pub asked: Vec<String>,
    /// The tokens given, in order.
    pub given: Vec<String>,
}

/// An answer that is no token.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Refusal {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            body: Value::Null,
        }
    }

    /// In the words of the authority.
    pub fn code(status: u16, code: u32, text: &str) -> Self {
        let text =
            format!("AADSTS{code}: {text} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z");
        Self {
            body: json!({ "error": "invalid_client", "error_description": text, "error_codes": [code] }),
            ..Self::status(status)
        }
    }
}

impl Entra {
    pub async fn start() -> Self {
        Self::start_as("localhost").await
    }

    /// The authority is called `name`, which need not be known to any name server.
    pub async fn start_as(name: &'static str) -> Self {
        let state = Arc::new(Mutex::new(State {
            application: Application::Secret(SECRET.to_owned()),
            identities: vec![("", "")],
            lifetime_seconds: 3600,
            leeway_seconds: 0,
            skew_seconds: 0,
            instead: VecDeque::new(),
            outage: None,
            is_silent: false,
            fixed_token: None,
            asked: Vec::new(),
            given: Vec::new(),
        }));
        let applications = Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(authority::token))
            .with_state(Arc::clone(&state));
        let machines = Router::new()
            .route("/metadata/identity/oauth2/token", get(metadata::virtual_machine))
            .route("/app-service", get(metadata::app_service))
            .with_state(Arc::clone(&state));
        let (authority, ca, first) = server::https(applications, name).await;
        let (metadata, second) = server::http(machines).await;
        Self {
            name,
            authority,
            metadata,
            ca,
            state,
            _servers: [first, second],
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("it is not poisoned")
    }

    /// How often a token was asked for, in vain or not.
    pub fn requests(&self) -> usize {
        self.state().asked.len()
    }

    /// A hub lets in whom this authority gave a token for hubs.
    pub fn for_hub(&self) -> Authority {
        Authority {
            key: KEY.to_owned(),
            audience: HUB.to_owned(),
        }
    }

    /// A credential as the file has it, with this authority and metadata service.
    pub fn settings(&self, yaml: &str) -> Settings {
        let tls = format!("tls: {{ ca_file: {:?} }}", self.ca.path());
        let written: Credential =
            serde_saphyr::from_str(&format!("{yaml}\n{tls}\n")).expect("the options are valid");
        let cloud = Cloud::new(&CloudChoice::Custom(Box::new(CustomCloud {
            authority: self.address(),
            ..CustomCloud::default()
        })));
        let metadata = format!("http://{}", self.metadata).parse();
        Settings {
            metadata_address: Some(metadata.expect("it is an address")),
            ..Settings::new(&written, cloud.expect("it is usable")).expect("they can be used")
        }
    }

    pub fn source(&self, yaml: &str) -> TokenSource {
        TokenSource::new(self.settings(yaml))
    }

    /// A token as somebody else's program would get it.
    pub fn token_for_hub(&self) -> String {
        self.token_for(HUB)
    }

    /// The same for another audience.
    pub fn token_for(&self, audience: &str) -> String {
        self.state().make(audience)
    }

    /// The authority as the file names it.
    pub fn address(&self) -> String {
        format!("https://{}:{}", self.name, self.authority.port())
    }
}

/// `client_secret` with the secret in this file.
pub fn client_secret(secret: &Path) -> String {
    format!("client_secret: {{ tenant_id: {TENANT}, client_id: {CLIENT}, secret: {{ file: {secret:?} }} }}")
}

/// A file with this text.
pub fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), text).expect("it can be written");
    file
}

impl State {
    fn now_seconds(&self) -> i64 {
        Timestamp::now().as_millis().div_euclid(1000) + self.skew_seconds
    }

    /// Notes what is asked for; whether that is refused, whoever asks.
    fn hear(&mut self, asked: &str) -> Result<(), Refusal> {
        self.asked.push(asked.to_owned());
        match self.instead.pop_front().or_else(|| self.outage.clone()) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    fn make(&mut self, audience: &str) -> String {
        let now = self.now_seconds();
        let claims = json!({
            "aud": audience,
            // Azurite looks at these two.
            "iss": "https://sts.windows.net/contoso.example/",
            "iat": now - self.skew_seconds,
            "nbf": now - self.skew_seconds,
            "exp": now - self.skew_seconds + self.lifetime_seconds + self.leeway_seconds,
            "number": self.given.len(),
        });
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let signed = format!(
            "{}.{}",
            encode(json!({ "alg": "HS256" }).to_string()),
            encode(claims.to_string())
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key of any length will do");
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let token = match self.fixed_token {
            Some(text) if audience != HUB => text.to_owned(),
            _ => format!("{signed}.{signature}"),
        };
        self.given.push(token.clone());
        token
    }

    /// The answer, dated by a clock of its own.
    fn answer(&self, outcome: Result<Value, Refusal>) -> Response<Body> {
        let refusal = match outcome {
            Ok(body) => Refusal {
                body,
                ..Refusal::status(200)
            },
            Err(refusal) => refusal,
        };
        let now = jiff::Timestamp::from_second(self.now_seconds()).expect("it is a time");
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
        let mut response = Response::builder()
            .status(refusal.status)
            .header("content-type", "application/json")
            .header("date", date.expect("it is a year of four digits"));
        if let Some(seconds) = refusal.retry_after {
            response = response.header("retry-after", seconds);
        }
        let body = match refusal.body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        response.body(body).expect("it is a response")
    }
}

type SharedState = Shared<Arc<Mutex<State>>>;

/// Parameters of a form or of a query.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

async fn body(request: Request<Body>) -> String {
    let bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    String::from_utf8(bytes.expect("the body is small").to_vec()).expect("a form is text")
}
