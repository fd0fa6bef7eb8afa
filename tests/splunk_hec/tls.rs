//! The collector behind TLS with a private issuer.

use std::net::SocketAddr;
use std::sync::Arc;

use hub2siem::deliver::splunk_hec::check;
use hub2siem::telemetry::health::BlockReason;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::bench::{Bench, SMALL, receiver, settings};

/// A TLS front of the receiver at `address`: its own address, and its certificate in PEM form.
async fn front(address: SocketAddr) -> (SocketAddr, String) {
    let certificate =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.into())
        .expect("the key fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
    let front = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us goes away here.
                let Ok(mut client) = acceptor.accept(stream).await else {
                    return;
                };
                let mut server = TcpStream::connect(address).await.expect("the receiver listens");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (front, certificate.cert.pem())
}

/// Scenario: the issuer is named in `ca_file`, or nothing is verified.
/// Guarantees: records are delivered; without verification a metric says so.
#[tokio::test]
async fn trusted() {
    let receiver = receiver().await;
    let (front, certificate) = front(receiver.address()).await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), certificate).expect("it can be written");
    let endpoints = [format!("https://localhost:{}", front.port())];
    for (tls, is_off) in [
        (format!("ca_file: {:?}", file.path()), 0),
        ("verify: false".to_owned(), 1),
    ] {
        let settings = settings(&endpoints, &format!("{SMALL}\ntls: {{ {tls} }}"));
        assert!(check(&settings).await[0].detail().is_some());
        let mut bench = Bench::with(settings);
        bench.send(20).await;
        bench.until("settled", |bench| bench.settled() == 20).await;
        let metric = bench.metrics.tls_verification_off.with_label_values(&["soc"]);
        assert_eq!(metric.get(), is_off);
        bench.balance(&[&receiver], &[]).await;
    }
}

/// Scenario: the issuer is unknown.
/// Guarantees: the target is blocked and says why; the receiver gets nothing.
#[tokio::test]
async fn untrusted() {
    let receiver = receiver().await;
    let (front, _) = front(receiver.address()).await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let other =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    std::fs::write(file.path(), other.cert.pem()).expect("it can be written");
    let endpoints = [format!("https://localhost:{}", front.port())];
    let settings = settings(
        &endpoints,
        &format!("{SMALL}\ntls: {{ ca_file: {:?} }}", file.path()),
    );
    let findings = check(&settings).await;
    let problem = findings[0].failure().expect("it is not trusted");
    assert!(problem.fix.contains("tls.ca_file"), "{problem:?}");
    let mut bench = Bench::with(settings);
    bench.send(10).await;
    bench
        .until("blocked", |bench| {
            bench
                .health
                .blocked()
                .is_some_and(|blocked| blocked.reason == BlockReason::Tls)
        })
        .await;
    bench.abandon.cancel();
    bench.ended().await;
    assert_eq!((bench.settled(), receiver.statistics().requests), (0, 0));
}
