//! A peer behind TLS that asks for a certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use hub2siem::telemetry::health::BlockReason;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::bench::{Bench, SMALL, elasticsearch_settings, file};
use super::http_peer::{Cluster, Peer};

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

fn certificate(name: &str) -> Certified {
    rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate can be made")
}

/// A TLS front of `address` that lets in who shows `trusted`.
async fn front(address: SocketAddr, own: &Certified, trusted: &Certified) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(trusted.cert.der().clone())
        .expect("it is a certificate");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_client_cert_verifier(verifier.build().expect("there is a root"))
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .expect("the key fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client without the right certificate goes away here.
                let Ok(mut client) = acceptor.accept(stream).await else {
                    return;
                };
                let mut server = TcpStream::connect(address).await.expect("the peer listens");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

/// Scenario: the peer lets in only who shows the right certificate; the target shows a wrong one, and the right one comes by
/// a reload.
/// Guarantees: the target is blocked for TLS and settles nothing, then goes on at once and delivers everything once.
#[tokio::test]
async fn a_client_certificate_is_shown_and_replaced() {
    let peer = Peer::start(Cluster::default()).await;
    let (own, right, wrong) = (
        certificate("localhost"),
        certificate("bridge"),
        certificate("bridge"),
    );
    let port = front(peer.address(), &own, &right).await;
    let authority = file(&own.cert.pem());
    let settings = |shown: &Certified| {
        let (certificate, key) = (file(&shown.cert.pem()), file(&shown.signing_key.serialize_pem()));
        let lines = format!(
            "{SMALL}\ntls: {{ ca_file: {:?}, client_certificate: {{ certificate_file: {:?}, key_file: {:?} }} }}",
            authority.path(),
            certificate.path(),
            key.path()
        );
        elasticsearch_settings(&[format!("https://localhost:{port}")], &lines)
    };
    let mut first = settings(&wrong);
    first.sending.try_interval = std::time::Duration::from_secs(3600);
    let protocol = hub2siem::deliver::elasticsearch::Bulk::new(&first, &super::bench::hub());
    let mut bench = Bench::with(protocol, first.sending);
    bench.send(20).await;
    bench
        .until("blocked", |bench| {
            let blocked = bench.health.blocked();
            blocked.is_some_and(|blocked| blocked.reason == BlockReason::Tls)
        })
        .await;
    assert_eq!((bench.settled(), peer.requests().len()), (0, 0));
    bench.settings.send_replace(settings(&right).sending);
    bench.until("delivered", |bench| bench.settled() == 20).await;
    assert_eq!(bench.health.blocked(), None);
    bench.delivered_to(&[&peer]).await;
}
