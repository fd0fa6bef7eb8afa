use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use socket2::SockRef;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::config::tls_pinned::CertificateFingerprint;
use crate::deliver::http_batch::config::ClientCertificate;
use crate::deliver::value::Texts;

/// An authority, a certificate for `localhost`, and one for the client, as PEM files.
struct Files {
    directory: TempDir,
    fingerprint: String,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("there is no name");
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("it can be signed");
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("ca.pem"), certificate.pem()).expect("it can be written");
        let issuer = Issuer::new(params, key);
        let mut fingerprint = String::new();
        for name in ["localhost", "client"] {
            let key = KeyPair::generate().expect("a key can be made");
            let params = CertificateParams::new([name.to_owned()]).expect("it is a name");
            let certificate = params.signed_by(&key, &issuer).expect("it can be signed");
            if name == "localhost" {
                fingerprint = CertificateFingerprint::of(certificate.der()).to_string();
            }
            std::fs::write(path(name), certificate.pem()).expect("it can be written");
            std::fs::write(path(&format!("{name}.key")), key.serialize_pem()).expect("it can be written");
        }
        Self {
            directory,
            fingerprint,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn options(&self) -> StreamTls {
        StreamTls {
            ca_file: Some(self.path("ca.pem")),
            ..StreamTls::default()
        }
    }
}

/// Sends back what it gets, on every connection.
async fn echo(tls: Option<ServerConfig>) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    echo_at(listener, tls)
}

fn echo_at(listener: TcpListener, tls: Option<ServerConfig>) -> (SocketAddr, AbortOnDropHandle<()>) {
    let address = listener.local_addr().expect("it is bound");
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    let serve = async move {
        loop {
            let (tcp, _) = listener.accept().await.expect("it listens");
            let stream = match &acceptor {
                None => Either::Left(tcp),
                Some(acceptor) => match acceptor.accept(tcp).await {
                    Ok(stream) => Either::Right(stream),
                    Err(_) => continue,
                },
            };
            let (mut reader, mut writer) = tokio::io::split(stream);
            let _ = tokio::io::copy(&mut reader, &mut writer).await;
            let _ = writer.shutdown().await;
        }
    };
    (address, AbortOnDropHandle::new(tokio::spawn(serve)))
}

fn server(files: &Files, wants_certificate: bool) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the versions are known");
    let builder = match wants_certificate {
        false => builder.with_no_client_auth(),
        true => {
            let mut roots = RootCertStore::empty();
            roots
                .add(read(&files.path("ca.pem")))
                .expect("it is an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("there is an authority"))
        }
    };
    let key = PrivateKeyDer::from_pem_file(files.path("localhost.key")).expect("it is a key");
    let certificates = vec![read(&files.path("localhost"))];
    builder.with_single_cert(certificates, key).expect("they fit")
}

fn read(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("it is a certificate")
}

fn localhost(address: SocketAddr) -> Address {
    format!("localhost:{}", address.port())
        .parse()
        .expect("it is an address")
}

fn tls(options: &StreamTls, address: &Address) -> Tls {
    Tls::new(options, address).expect("the options can be used")
}

/// What comes back for four bytes.
async fn ping(stream: &mut Stream) -> std::io::Result<[u8; 4]> {
    stream.write_all(b"ping").await?;
    stream.flush().await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_plain_connection_carries_bytes_and_notices_a_dead_peer() {
    let (address, _echo) = echo(None).await;
    let mut stream = connect(&localhost(address), None).await.expect("it listens");
    assert_eq!(ping(&mut stream).await.expect("it answers"), *b"ping");
    let Either::Left(tcp) = &stream else {
        panic!("there is no TLS");
    };
    let socket = SockRef::from(tcp);
    assert!(socket.keepalive().expect("it is a socket") && tcp.nodelay().expect("it is a socket"));
    #[cfg(target_os = "linux")]
    assert_eq!(
        socket.tcp_user_timeout().expect("it is a socket"),
        Some(std::time::Duration::from_secs(20))
    );
}

/// Scenario: the receiver is named by an address of IPv6, without TLS and with it.
/// Guarantees: the address is taken as it is written; a certificate is looked at for that address, or for `server_name`.
#[tokio::test]
async fn an_address_of_ipv6_can_be_sent_to() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    let (address, _echo) = echo_at(listener, None);
    let address: Address = address.to_string().parse().expect("it is an address");
    assert_eq!(address.host, "::1");
    let mut stream = connect(&address, None).await.expect("it listens");
    assert_eq!(ping(&mut stream).await.expect("it answers"), *b"ping");

    let files = Files::new();
    let listener = TcpListener::bind("[::1]:0").await.expect("a free port");
    let (address, _echo) = echo_at(listener, Some(server(&files, false)));
    let address: Address = address.to_string().parse().expect("it is an address");
    let error = connect(&address, Some(&tls(&files.options(), &address))).await;
    let error = error.expect_err("it has another name").to_string();
    assert!(error.contains("not valid for name \"::1\""), "{error}");
    let named = StreamTls {
        server_name: Some("localhost".to_owned()),
        ..files.options()
    };
    let mut stream = connect(&address, Some(&tls(&named, &address)))
        .await
        .expect("it is trusted");
    assert_eq!(ping(&mut stream).await.expect("it answers"), *b"ping");
}

#[tokio::test]
async fn nobody_there_is_worth_another_try() {
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let address = localhost(closed.local_addr().expect("it is bound"));
    let error = connect(&address, None).await.expect_err("nobody listens");
    assert!(
        matches!(error, Error::Connect { .. }) && !error.is_lasting(),
        "{error}"
    );
    assert!(error.to_string().contains("127.0.0.1"), "{error}");

    let address = "no-such-host.invalid:514".parse().expect("it is an address");
    let error = connect(&address, None).await.expect_err("it has no address");
    assert!(
        matches!(error, Error::Resolve { .. }) && !error.is_lasting(),
        "{error}"
    );
}

#[tokio::test]
async fn trusts_by_authority_name_and_fingerprint() {
    let files = Files::new();
    let (address, _echo) = echo(Some(server(&files, false))).await;
    let address = localhost(address);
    let by_number: Address = format!("127.0.0.1:{}", address.port)
        .parse()
        .expect("it is an address");
    let fingerprints = |text: &str| Some(Texts(vec!["0".repeat(64), text.to_owned()]));
    let unverified = StreamTls {
        verify: false,
        ..StreamTls::default()
    };
    let trusted = [
        (&address, files.options()),
        (
            &by_number,
            StreamTls {
                server_name: Some("localhost".to_owned()),
                ..files.options()
            },
        ),
        (&by_number, unverified.clone()),
        (
            &address,
            StreamTls {
                fingerprints: fingerprints(&files.fingerprint),
                ..files.options()
            },
        ),
        (
            &by_number,
            StreamTls {
                fingerprints: fingerprints(&files.fingerprint),
                ..unverified.clone()
            },
        ),
    ];
    for (address, options) in trusted {
        let tls = tls(&options, address);
        assert_eq!(tls.is_verified, options.verify || options.fingerprints.is_some());
        let stream = connect(address, Some(&tls)).await;
        let mut stream = stream.unwrap_or_else(|error| panic!("{options:?}: {error}"));
        assert_eq!(ping(&mut stream).await.expect("it answers"), *b"ping");
    }
    let other = Files::new();
    let unlisted = format!("fingerprint {} is not listed", files.fingerprint);
    let refused = [
        (&address, other.options(), "invalid peer certificate"),
        (&by_number, files.options(), "not valid for name"),
        (
            &address,
            StreamTls {
                server_name: Some("siem.test".to_owned()),
                ..files.options()
            },
            "not valid for name",
        ),
        (
            &by_number,
            StreamTls {
                fingerprints: fingerprints(&other.fingerprint),
                ..unverified
            },
            &unlisted,
        ),
        (
            &by_number,
            StreamTls {
                fingerprints: fingerprints(&files.fingerprint),
                ..files.options()
            },
            "not valid for name",
        ),
    ];
    for (address, options, expected) in refused {
        let error = connect(address, Some(&tls(&options, address))).await;
        let error = error.expect_err("it is not trusted");
        assert!(error.is_lasting(), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_receiver_may_demand_a_certificate() {
    let files = Files::new();
    let (address, _echo) = echo(Some(server(&files, true))).await;
    let address = localhost(address);
    let shown = StreamTls {
        client_certificate: Some(ClientCertificate {
            certificate_file: files.path("client"),
            key_file: files.path("client.key"),
        }),
        ..files.options()
    };
    let shown = tls(&shown, &address);
    let mut stream = connect(&address, Some(&shown)).await.expect("it is trusted");
    assert_eq!(ping(&mut stream).await.expect("it answers"), *b"ping");
    drop(stream);

    let hidden = tls(&files.options(), &address);
    assert!(!hidden.has_files_of(&shown));
    let mut stream = connect(&address, Some(&hidden))
        .await
        .expect("TLS 1.3 says it later");
    let error = ping(&mut stream).await.expect_err("there was no certificate");
    let refusal = refusal(&error).expect("it is a refusal");
    assert!(refusal.contains("CertificateRequired"), "{refusal}");
}

#[tokio::test]
async fn tells_a_peer_without_tls_from_one_in_trouble() {
    let files = Files::new();
    let (address, _echo) = echo(None).await;
    let address = localhost(address);
    let error = connect(&address, Some(&tls(&files.options(), &address))).await;
    let error = error.expect_err("it echoes our own greeting");
    assert!(error.is_lasting(), "{error}");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = localhost(listener.local_addr().expect("it is bound"));
    let closes = async {
        let (tcp, _) = listener.accept().await.expect("it listens");
        drop(tcp);
    };
    let tls = tls(&files.options(), &address);
    let (result, ()) = tokio::join!(connect(&address, Some(&tls)), closes);
    let error = result.expect_err("it hung up");
    assert!(
        matches!(error, Error::Interrupted { .. }) && !error.is_lasting(),
        "{error}"
    );
}

#[test]
fn options_that_trust_nobody_are_refused() {
    let address: Address = "siem:6514".parse().expect("it is an address");
    let error = |options: &StreamTls| {
        let error = Tls::new(options, &address).expect_err("they cannot be used");
        error.to_string()
    };
    let fingerprints = |texts: &[&str]| StreamTls {
        fingerprints: Some(Texts(texts.iter().map(|text| (*text).to_owned()).collect())),
        verify: false,
        ..StreamTls::default()
    };
    assert!(error(&fingerprints(&[])).contains("is empty"));
    assert!(error(&fingerprints(&["sha1:00"])).contains("`sha1:00` is no SHA-256 fingerprint"));
    let named = StreamTls {
        server_name: Some("a b".to_owned()),
        verify: false,
        ..StreamTls::default()
    };
    assert!(error(&named).contains("`a b` is no name"));
}
