//! One AMQP connection: opened, authorized, kept authorized, and closed.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Connection as AmqpConnection, Session};
use fe2o3_amqp_types::messaging::ApplicationProperties;
use fe2o3_amqp_types::primitives::{SimpleValue, Timestamp as AmqpTimestamp, Value};
use secrecy::ExposeSecret;
use tokio::io::BufReader;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::credential::Token;
use super::end_reason::{End, EndReason, Rebuild};
use super::fault;
use super::management::{self, HubProperties, PartitionProperties};
use super::request::RequestLinks;
use super::settings::HubSettings;
use super::transport::{self, Stream};
use crate::event::{PartitionId, Timestamp};

/// A peer that is silent for this long is gone; without it the library never notices.
const IDLE_TIMEOUT_MILLIS: u32 = 60_000;
/// A failed renewal is tried again after this long; the links stay attached meanwhile.
const RENEWAL_RETRY: Duration = Duration::from_secs(30);
/// Links that end together blame the same token; one put since then is not to blame yet.
const BLAMELESS: Duration = Duration::from_secs(30);
/// How long closing may take before the socket is simply let go.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
const CBS_NODE: &str = "$cbs";

/// AMQP that was opened on a stream, and its one session.
pub(super) type Opened = (ConnectionHandle<()>, SessionHandle<()>);

/// An open connection with one session. All of its links and requests go through here.
#[derive(Debug)]
pub(super) struct Connection {
    /// Tells connections of one pool apart.
    pub(super) id: u64,
    /// The hub as it was when the connection was opened.
    pub(super) hub: HubProperties,
    settings: Arc<HubSettings>,
    session: Mutex<SessionHandle<()>>,
    // The service allows one `$cbs` pair per connection, so authorizations wait for each other here.
    authorization: Mutex<Option<RequestLinks>>,
    management: Mutex<Option<RequestLinks>>,
    /// The token that was taken last, and when.
    put: std::sync::Mutex<Option<(Token, Instant)>>,
    stop: CancellationToken,
    end: OnceLock<End>,
}

impl Connection {
    /// Connects, authorizes and asks for the hub; then keeps the token fresh in a task of `tasks` until `stop`, the
    /// connection's own end, or [`Connection::retire`].
    pub(super) async fn open(
        settings: &Arc<HubSettings>,
        id: u64,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Arc<Self>, End> {
        // The service does not wait long for a token on an open connection; with one at hand it need not.
        settings.token().await?;
        let stream = transport::connect(settings).await?;
        let (handle, session) = handshake(settings, stream, id).await?;
        Self::start(settings, id, (handle, session), tasks, stop, || ()).await
    }

    /// The same on a stream on which AMQP is opened already; `authorized` hears that the token was taken.
    pub(super) async fn start(
        settings: &Arc<HubSettings>,
        id: u64,
        (mut handle, session): Opened,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        authorized: impl FnOnce(),
    ) -> Result<Arc<Self>, End> {
        let mut connection = Self {
            id,
            hub: HubProperties {
                created_at: Timestamp::from_millis(0),
                partitions: Vec::new(),
            },
            settings: Arc::clone(settings),
            session: Mutex::new(session),
            authorization: Mutex::new(None),
            management: Mutex::new(None),
            put: std::sync::Mutex::new(None),
            stop: stop.child_token(),
            end: OnceLock::new(),
        };
        let prepared = async {
            let token = connection.authorize().await?;
            authorized();
            let hub = connection.hub_properties().await?;
            Ok((token, hub))
        };
        // The library leaves whoever waits for an answer waiting when the connection ends.
        let prepared = tokio::select! {
            biased;
            prepared = prepared => prepared,
            outcome = handle.on_close() => return Err(fault::from_connection(&outcome)),
        };
        match prepared {
            Ok((token, hub)) => {
                connection.hub = hub;
                let connection = Arc::new(connection);
                tasks.spawn(supervise(Arc::clone(&connection), handle, token));
                Ok(connection)
            }
            Err(end) => {
                close(handle).await;
                Err(end)
            }
        }
    }

    /// Puts a token.
    pub(super) async fn authorize(&self) -> Result<Token, End> {
        let token = self.settings.token().await?;
        let outcome = self.put_token(&token).await;
        if outcome
            .as_ref()
            .is_err_and(|end| end.reason == EndReason::Unauthorized)
        {
            self.settings.credential.get().refuse(&token);
        }
        outcome.map(|()| token)
    }

    /// Puts a new token, because a link was refused with the last one.
    pub(super) async fn authorize_anew(&self) -> Result<Token, End> {
        let last = self.last_put();
        if let Some((token, at)) = last
            && at.elapsed() >= BLAMELESS
        {
            self.settings.credential.get().refuse(&token);
        }
        self.authorize().await
    }

    fn last_put(&self) -> Option<(Token, Instant)> {
        self.put
            .lock()
            .expect("nothing panics while it is locked")
            .clone()
    }

    async fn put_token(&self, token: &Token) -> Result<(), End> {
        let expiration = match token.expires_at {
            Some(moment) => SimpleValue::Timestamp(AmqpTimestamp::from(moment.as_millis())),
            None => SimpleValue::Null,
        };
        let properties = ApplicationProperties::builder()
            .insert("operation", "put-token")
            .insert("type", token.token_type)
            .insert("name", self.settings.audience())
            .insert("expiration", expiration)
            .build();
        let body = Value::String(token.text.expose_secret().to_owned());
        self.call(&self.authorization, CBS_NODE, properties, body).await?;
        *self.put.lock().expect("nothing panics while it is locked") = Some((token.clone(), Instant::now()));
        Ok(())
    }

    /// Asks for the hub as it is now.
    pub(super) async fn hub_properties(&self) -> Result<HubProperties, End> {
        management::read_hub(&self.read(None).await?)
    }

    /// Asks for a partition as it is now.
    pub(super) async fn partition_properties(
        &self,
        partition: &PartitionId,
    ) -> Result<PartitionProperties, End> {
        management::read_partition(&self.read(Some(partition)).await?)
    }

    /// Puts a newer token, if there is one already.
    async fn renew(&self) -> Result<Token, End> {
        let token = self.settings.token().await?;
        let last = self.last_put();
        if last.is_some_and(|(last, _)| last.text.expose_secret() == token.text.expose_secret()) {
            return Ok(token);
        }
        self.put_token(&token).await?;
        debug!(connection = self.id, "token renewed");
        Ok(token)
    }

    async fn read(&self, partition: Option<&PartitionId>) -> Result<Value, End> {
        let token = self.settings.token().await?;
        let request = management::request(&self.settings.hub.name, partition, token.text.expose_secret());
        self.call(&self.management, management::NODE, request, Value::Null)
            .await
    }

    /// One request on a pair of links that is attached when first needed, and given up after any fault.
    async fn call(
        &self,
        links: &Mutex<Option<RequestLinks>>,
        node: &str,
        properties: ApplicationProperties,
        body: Value,
    ) -> Result<Value, End> {
        let mut links = links.lock().await;
        let exchange = async {
            let pair = match &mut *links {
                Some(pair) => pair,
                None => {
                    let name = format!("{}-{}", node.trim_start_matches('$'), uuid::Uuid::new_v4());
                    let pair = RequestLinks::attach(&mut *self.session.lock().await, node, &name).await?;
                    links.insert(pair)
                }
            };
            pair.call(properties, body).await
        };
        let outcome = tokio::select! {
            biased;
            outcome = timeout(self.settings.call_timeout, exchange) => outcome
                .unwrap_or_else(|_| Err(End::new(EndReason::Timeout, format!("`{node}` does not answer")))),
            end = self.ended() => Err(end),
        };
        if outcome.is_err()
            && let Some(pair) = links.take()
            && !self.is_closed()
        {
            // What the closing says adds nothing to the error at hand.
            let _ = timeout(CLOSE_TIMEOUT, pair.close()).await;
        }
        outcome.map_err(|end| self.explain(end))
    }

    /// Access to the session, for attaching links.
    pub(super) async fn session(&self) -> tokio::sync::MutexGuard<'_, SessionHandle<()>> {
        self.session.lock().await
    }

    /// Whether the connection can no longer be used.
    pub(super) fn is_closed(&self) -> bool {
        self.end.get().is_some() || self.stop.is_cancelled()
    }

    /// Completes when the connection can no longer be used: what waits for its peer then waits in vain.
    pub(super) async fn ended(&self) -> End {
        self.stop.cancelled().await;
        End::new(EndReason::ConnectionLost, "the connection is closed")
    }

    /// Gives the connection up: its other links end too and find a new one.
    pub(super) fn retire(&self) {
        self.stop.cancel();
    }

    /// The cause of the connection's end, which a link of it sees only as "closed". A connection that a link found
    /// broken is given up at once: its session may be gone while the socket still stands.
    pub(super) fn explain(&self, end: End) -> End {
        if end.reason.rebuild() == Rebuild::Connection {
            self.retire();
        }
        match self.end.get() {
            Some(cause) if end.reason == EndReason::ConnectionLost => cause.clone(),
            _ => end,
        }
    }
}

/// Opens AMQP on a stream: SASL ANONYMOUS, since authorization happens through `$cbs`, and one session.
pub(super) async fn handshake(
    settings: &HubSettings,
    stream: BufReader<Stream>,
    id: u64,
) -> Result<Opened, End> {
    let namespace: &str = &settings.hub.namespace;
    let opening = async {
        let mut connection = AmqpConnection::builder()
            .container_id(format!("{}-{id}", settings.receiver_name))
            .hostname(namespace)
            .sasl_hostname(namespace)
            .scheme("amqp")
            .sasl_profile(SaslProfile::Anonymous)
            .idle_time_out(IDLE_TIMEOUT_MILLIS)
            .open_with_stream(stream)
            .await
            .map_err(|error| fault::from_open(&error))?;
        let session = Session::begin(&mut connection)
            .await
            .map_err(|error| fault::from_begin(&error))?;
        Ok((connection, session))
    };
    timeout(settings.call_timeout, opening).await.unwrap_or_else(|_| {
        Err(End::new(
            EndReason::Timeout,
            "the AMQP connection was not opened in time",
        ))
    })
}

/// Owns the connection's handle for its whole life.
async fn supervise(connection: Arc<Connection>, mut handle: ConnectionHandle<()>, token: Token) {
    let namespace = &connection.settings.hub.namespace;
    debug!(namespace = %namespace, connection = connection.id, "connection opened");
    let outcome = tokio::select! {
        outcome = handle.on_close() => Some(fault::from_connection(&outcome)),
        () = connection.stop.cancelled() => None,
        () = renew_for_ever(&connection, token) => None,
    };
    match outcome {
        Some(end) => {
            info!(namespace = %namespace, connection = connection.id, reason = end.reason.as_str(), detail = end.detail, "connection ended");
            connection.end.get_or_init(|| end);
        }
        None => {
            connection
                .end
                .get_or_init(|| End::new(EndReason::ConnectionLost, "the connection was given up"));
            close(handle).await;
        }
    }
    connection.stop.cancel();
}

/// Renews the token while receivers stay attached. A failure costs nothing until the token ends, so it only waits.
async fn renew_for_ever(connection: &Connection, token: Token) {
    let Some(mut wait) = token.renew_after else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(wait).await;
        wait = match connection.renew().await {
            Ok(token) => token.renew_after.unwrap_or(wait),
            Err(end) => {
                warn!(
                    connection = connection.id,
                    reason = end.reason.as_str(),
                    detail = end.detail,
                    "token was not renewed"
                );
                RENEWAL_RETRY.min(connection.settings.token_lifetime / 16)
            }
        };
    }
}

async fn close(mut handle: ConnectionHandle<()>) {
    // Best effort towards a peer that may be gone; dropping the handle ends the library's task in any case.
    let _ = timeout(CLOSE_TIMEOUT, handle.close()).await;
}
