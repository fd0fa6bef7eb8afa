//! The cases of target kind `syslog`; the peer is a receiver in the test itself. Real ones are in `tests/syslog`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub2siem::deliver::syslog::{self, Settings, Syslog};
use hub2siem::event::{Details, Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::cases::{Case, Kind};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "syslog",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::NotApplicable(
        "no receiver of syslog answers; what it does not want it drops or cuts unseen",
    ),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::NotApplicable(
        "a line holds the record as its map writes it; the header has no place for an id",
    ),
};

/// What a receiver took, a line each.
type Lines = Arc<Mutex<Vec<String>>>;

/// Reads lines on every connection until it is dropped.
struct Receiver {
    address: SocketAddr,
    lines: Lines,
    _task: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Closes the first `trapped` connections without reading from them.
    async fn start(tls: Option<TlsAcceptor>, trapped: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
        let address = listener.local_addr().expect("it is bound");
        let lines = Lines::default();
        let taken = Arc::clone(&lines);
        let serve = async move {
            for number in 0.. {
                let (tcp, _) = listener.accept().await.expect("it listens");
                if number < trapped {
                    tcp.readable().await.expect("something comes");
                    continue;
                }
                let taken = Arc::clone(&taken);
                match &tls {
                    None => drop(tokio::spawn(read(tcp, taken))),
                    Some(acceptor) => {
                        // Who does not trust us goes away here.
                        if let Ok(stream) = acceptor.accept(tcp).await {
                            tokio::spawn(read(stream, taken));
                        }
                    }
                }
            }
        };
        Self {
            address,
            lines,
            _task: AbortOnDropHandle::new(tokio::spawn(serve)),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("it is not poisoned").clone()
    }
}

async fn read(mut stream: impl AsyncRead + Unpin, lines: Lines) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
        let end = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |index| index + 1);
        let whole = String::from_utf8(bytes.drain(..end).collect()).expect("it is text");
        let mut lines = lines.lock().expect("it is not poisoned");
        lines.extend(whole.lines().map(str::to_owned));
    }
}

fn settings(address: SocketAddr, options: &str) -> Settings {
    let yaml = format!("address: 'localhost:{}'\n{options}\n", address.port());
    let options: Syslog = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    settings
}

fn start(settings: Settings) -> (Stage, watch::Sender<Settings>) {
    let (sender, live) = watch::channel(settings);
    let stage = Stage::start(|records, context| syslog::run(live, records, context));
    (stage, sender)
}

const TCP: &str = "transport: tcp\nframing: line_feed\nsettle_window: 200ms";

fn expected(count: i64) -> Vec<String> {
    let line = |number| {
        format!(
            "<133>1 2020-09-13T12:26:40.000Z hub2siem hub2siem - assessment - {{\"number\":{number},\"text\":\"\"}}"
        )
    };
    (0..count).map(line).collect()
}

async fn success() {
    let receiver = Receiver::start(None, 0).await;
    let (mut stage, _sender) = start(settings(receiver.address, TCP));
    stage.send(25).await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    // What left the settle window may not be read yet.
    stage.until("arrival", |_| receiver.lines().len() >= 25).await;
    assert_eq!(receiver.lines(), expected(25));
    assert_eq!(stage.close().await, Account::delivered(25));

    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port can be had");
    let address = socket.local_addr().expect("it is bound");
    let (mut stage, _sender) = start(settings(address, "transport: udp\nallow_loss: true"));
    stage.send(25).await;
    assert_eq!(stage.close().await, Account::delivered(25));
    let mut bytes = [0; 1_000];
    for line in expected(25) {
        let count = socket.recv(&mut bytes).await.expect("loopback loses nothing");
        assert_eq!(String::from_utf8_lossy(&bytes[..count]), line);
    }
}

/// The receiver closes without having read, which resets the connection, and so after the write had succeeded.
async fn retryable() {
    let receiver = Receiver::start(None, 2).await;
    // The window has to outlast the moment until the receiver closes, so the end of the queue confirms what is taken.
    let (mut stage, _sender) = start(settings(receiver.address, &TCP.replace("200ms", "1h")));
    stage.send(10).await;
    stage
        .until("lost", |stage| stage.retried("connection_lost") == 2)
        .await;
    assert_eq!(stage.settled(), 0);
    stage.until("arrival", |_| receiver.lines().len() >= 10).await;
    assert_eq!(receiver.lines(), expected(10));
    assert_eq!(stage.close().await, Account::delivered(10));
}

/// The receiver's certificate has another name. What a reload would bring then trusts it.
async fn blocked() {
    let own = rcgen::generate_simple_self_signed(["elsewhere.test".to_owned()]).expect("it can be made");
    let ca = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(ca.path(), own.cert.pem()).expect("it can be written");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .expect("the key fits");
    let receiver = Receiver::start(Some(TlsAcceptor::from(Arc::new(config))), 0).await;
    let options = |name| {
        format!(
            "framing: line_feed\nsettle_window: 200ms\ntls: {{ ca_file: '{}', server_name: {name} }}",
            ca.path().display()
        )
    };
    let (mut stage, sender) = start(settings(receiver.address, &options("localhost")));
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Tls);
    assert_eq!(stage.account().unsettled.len(), 20);
    sender.send_replace(settings(receiver.address, &options("elsewhere.test")));
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    stage.until("arrival", |_| receiver.lines().len() >= 20).await;
    assert_eq!(receiver.lines(), expected(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

/// JSON that is too long becomes a dead letter; CEF is shortened and still has its first fields.
async fn oversize() {
    let receiver = Receiver::start(None, 0).await;
    let options = format!("{TCP}\nmessage_limit: 500B");
    let (mut stage, _sender) = start(settings(receiver.address, &options));
    stage.send(10).await;
    stage.send_one(RecordKind::Alert, &"x".repeat(600)).await;
    let cef = format!(
        "CEF:0|M|D|1|c|n|8|act=a cs4={} cs4Label=Remediation",
        "r".repeat(600)
    );
    let details = Details {
        severity: Some("High".into()),
        ..Details::default()
    };
    stage
        .send_bytes(RecordKind::Alert, cef.into(), Some(details))
        .await;
    stage.until("settled", |stage| stage.settled() == 12).await;
    let detail = &stage.letters()[0].detail;
    assert!(detail.contains("`message_limit` is 500"), "{detail}");
    stage.until("arrival", |_| receiver.lines().len() >= 11).await;
    let lines = receiver.lines();
    assert_eq!(lines[..10], expected(10));
    assert_eq!(
        lines[10..],
        ["<131>1 2020-09-13T12:26:40.000Z hub2siem hub2siem - alert - CEF:0|M|D|1|c|n|8|act=a"]
    );
    let truncated = &stage.metrics.deliver_truncated_records_total;
    assert_eq!(truncated.with_label_values(&[super::stage::TARGET]).get(), 1);
    assert_eq!(
        stage.close().await,
        Account::delivered(12).except(&[10], RejectReason::TooLarge)
    );
}

/// At a stop the connection is closed on our side; that the receiver closes too confirms what the window would not yet.
async fn drain() {
    let receiver = Receiver::start(None, 0).await;
    let options = TCP.replace("200ms", "1h");
    let (mut stage, _sender) = start(settings(receiver.address, &options));
    stage.send(55).await;
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(receiver.lines(), expected(55));

    let receiver = Receiver::start(None, usize::MAX).await;
    let (mut stage, _sender) = start(settings(receiver.address, &options));
    stage.send(10).await;
    stage
        .until("tried", |stage| stage.retried("connection_lost") > 0)
        .await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}
