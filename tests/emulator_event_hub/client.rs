//! A small client over the AMQP library, with the settings a careful consumer uses.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::link::{ReceiverAttachError, RecvError};
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::types::definitions::{Fields, SenderSettleMode};
use fe2o3_amqp::types::messaging::annotations::AnnotationKey;
use fe2o3_amqp::types::messaging::{ApplicationProperties, Body, Message, Source};
use fe2o3_amqp::types::primitives::{OrderedMap, SimpleValue, Symbol, Value};
use fe2o3_amqp::{Connection, Delivery, Receiver, Sender, Session};
use fe2o3_amqp_management::client::MgmtClient;
use fe2o3_amqp_management::error::Error as ManagementError;
use fe2o3_amqp_management::request::Request;
use fe2o3_amqp_management::response::Response;
use serde_amqp::described::Described;
use serde_amqp::descriptor::Descriptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub const HUB: &str = "defender";
const SELECTOR: &str = "apache.org:selector-filter:string";
const LIMIT: Duration = Duration::from_secs(120);
/// Silence after which a peer counts as gone: longer than a machine stalls, because both sides stall together.
const IDLE_MILLIS: u32 = 60_000;

/// Awaits with a limit, so that a fault is a failed test and not a hung one.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("it ends in time")
}

pub struct Client {
    pub connection: ConnectionHandle<()>,
    pub session: SessionHandle<()>,
    /// One per receiver: after a refused attach the library may confuse the next link of the same session with it.
    sessions: Vec<SessionHandle<()>>,
    links: u32,
}

/// How a receiver attaches.
#[derive(Clone, Copy)]
pub struct Attach<'a> {
    pub group: &'a str,
    pub partition: &'a str,
    pub selector: &'a str,
    pub descriptor_code: bool,
    pub epoch: Option<i64>,
    pub runtime_metric: bool,
    pub name: &'a str,
}

impl<'a> Attach<'a> {
    pub fn at(partition: &'a str, selector: &'a str) -> Self {
        Self {
            group: "$Default",
            partition,
            selector,
            descriptor_code: false,
            epoch: None,
            runtime_metric: false,
            name: "reader",
        }
    }
}

/// One event as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub sequence_number: i64,
    pub offset: String,
    pub enqueued_time: i64,
    pub partition_key: Option<String>,
    /// Text of the data sections joined by `|`, or of the value.
    pub body: String,
    /// Last enqueued sequence number, with the runtime metric.
    pub last_enqueued: Option<i64>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self, Box<dyn std::error::Error>> {
        Self::connect_as(address, SaslProfile::Anonymous).await
    }

    pub async fn connect_as(
        address: SocketAddr,
        profile: SaslProfile,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, profile).await
    }

    /// A client that soon takes a silent peer for gone.
    pub async fn connect_impatiently(address: SocketAddr) -> Result<Self, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(address).await?;
        Self::open(stream, SaslProfile::Anonymous, 4_000).await
    }

    pub async fn over<S>(stream: S, profile: SaslProfile) -> Result<Self, Box<dyn std::error::Error>>
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin + 'static,
    {
        Self::open(stream, profile, IDLE_MILLIS).await
    }

    async fn open<S>(
        stream: S,
        profile: SaslProfile,
        idle_millis: u32,
    ) -> Result<Self, Box<dyn std::error::Error>>
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin + 'static,
    {
        let mut connection = within(
            Connection::builder()
                .container_id("test")
                .hostname("127.0.0.1")
                .scheme("amqp")
                .sasl_profile(profile)
                .idle_time_out(idle_millis)
                .open_with_stream(stream),
        )
        .await?;
        let session = within(Session::begin(&mut connection)).await?;
        Ok(Self {
            connection,
            session,
            sessions: Vec::new(),
            links: 0,
        })
    }

    pub async fn attach(&mut self, attach: Attach<'_>) -> Result<Receiver, ReceiverAttachError> {
        let descriptor = if attach.descriptor_code {
            Descriptor::Code(0x0000_468C_0000_0004)
        } else {
            Descriptor::Name(Symbol::from(SELECTOR))
        };
        let filter = Described {
            descriptor,
            value: Value::String(attach.selector.to_owned()),
        };
        let Attach { group, partition, .. } = attach;
        let source = Source::builder()
            .address(format!("{HUB}/ConsumerGroups/{group}/Partitions/{partition}"))
            .add_to_filter(SELECTOR, filter)
            .build();
        let mut properties = Fields::new();
        properties.insert(
            Symbol::from("com.microsoft:receiver-name"),
            Value::String(attach.name.to_owned()),
        );
        if let Some(epoch) = attach.epoch {
            properties.insert(Symbol::from("com.microsoft:epoch"), Value::Long(epoch));
        }
        let capabilities = if attach.runtime_metric {
            vec![Symbol::from("com.microsoft:enable-receiver-runtime-metric")]
        } else {
            Vec::new()
        };
        self.links += 1;
        let mut session = within(Session::begin(&mut self.connection))
            .await
            .map_err(|_| ReceiverAttachError::SessionNotMapped)?;
        let attached = within(
            Receiver::builder()
                .name(format!("receiver-{}", self.links))
                .source(source)
                .sender_settle_mode(SenderSettleMode::Settled)
                .set_desired_capabilities(capabilities)
                .properties(properties)
                .credit_mode(CreditMode::Manual)
                .attach(&mut session),
        )
        .await;
        self.sessions.push(session);
        attached
    }

    pub async fn sender(&mut self, target: &str) -> Sender {
        self.links += 1;
        let name = format!("sender-{}", self.links);
        within(Sender::attach(&mut self.session, name, target))
            .await
            .unwrap()
    }

    pub async fn management(&mut self) -> MgmtClient {
        within(MgmtClient::attach(&mut self.session, "management-client"))
            .await
            .unwrap()
    }
}

/// Takes the next event, granting credit for it alone.
pub async fn next(receiver: &mut Receiver) -> Result<Event, RecvError> {
    if receiver.credit() == 0 {
        receiver
            .set_credit(1)
            .await
            .map_err(|_| RecvError::DeliveryIdIsNone)?;
    }
    let delivery = within(receiver.recv::<Body<Value>>()).await?;
    Ok(event(delivery))
}

/// Takes `count` events.
pub async fn take(receiver: &mut Receiver, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(next(receiver).await.unwrap());
    }
    events
}

pub fn event(delivery: Delivery<Body<Value>>) -> Event {
    let message = delivery.into_message();
    let annotations = message.message_annotations.expect("the hub annotates").0;
    let annotation = |name: &str| annotations.get(&name as &dyn AnnotationKey).cloned();
    let metric = message.delivery_annotations.map(|annotations| {
        match annotations
            .0
            .get(&"last_enqueued_sequence_number" as &dyn AnnotationKey)
        {
            Some(Value::Long(number)) => *number,
            other => panic!("no metric but {other:?}"),
        }
    });
    let (Some(Value::Long(sequence_number)), Some(Value::String(offset)), Some(Value::Timestamp(time))) = (
        annotation("x-opt-sequence-number"),
        annotation("x-opt-offset"),
        annotation("x-opt-enqueued-time"),
    ) else {
        panic!("unexpected annotations {annotations:?}");
    };
    let body = match message.body {
        Body::Data(sections) => sections
            .iter()
            .map(|section| String::from_utf8(section.0.to_vec()).unwrap())
            .collect::<Vec<_>>()
            .join("|"),
        Body::Value(value) => match value.0 {
            Value::String(text) => text,
            other => panic!("unexpected value {other:?}"),
        },
        other => panic!("unexpected body {other:?}"),
    };
    Event {
        sequence_number,
        offset,
        enqueued_time: time.milliseconds(),
        partition_key: annotation("x-opt-partition-key").map(|key| match key {
            Value::String(key) => key,
            other => panic!("unexpected partition key {other:?}"),
        }),
        body,
        last_enqueued: metric,
    }
}

/// A READ of the hub, or of one partition.
pub struct Read<'a> {
    pub name: &'a str,
    pub partition: Option<&'a str>,
}

pub struct Description(pub BTreeMap<String, Value>);

impl Request for Read<'_> {
    const OPERATION: &'static str = "READ";
    type Response = Description;
    type Body = ();

    fn manageable_entity_type(&mut self) -> Option<String> {
        Some(match self.partition {
            Some(_) => "com.microsoft:partition".to_owned(),
            None => "com.microsoft:eventhub".to_owned(),
        })
    }

    fn encode_application_properties(&mut self) -> Option<ApplicationProperties> {
        let mut properties = ApplicationProperties::builder().insert("name", self.name);
        if let Some(partition) = self.partition {
            properties = properties.insert("partition", SimpleValue::String(partition.to_owned()));
        }
        Some(properties.build())
    }

    fn encode_body(self) -> Self::Body {}
}

impl Response for Description {
    const STATUS_CODE: u16 = 200;
    type Body = Option<OrderedMap<String, Value>>;
    type Error = ManagementError;

    fn decode_message(message: Message<Self::Body>) -> Result<Self, Self::Error> {
        Ok(Self(message.body.into_iter().flatten().collect()))
    }
}
