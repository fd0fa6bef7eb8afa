//! A hub behind TLS.

use std::sync::Arc;

use fe2o3_amqp::sasl_profile::SaslProfile;
use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Attach, Client, HUB, next, within};

/// Scenario: the hub has a certificate, and a client that trusts it receives an event larger than a TLS record.
/// Guarantees: it arrives whole, and the connection string does not ask for plain TCP.
#[tokio::test]
async fn events_arrive_over_tls() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let emulator = EventHubEmulator::start(Options {
        tls: Some(Arc::new(server)),
        ..Options::new(HUB, 1)
    })
    .await
    .unwrap();
    assert!(!emulator.connection_string().contains("UseDevelopmentEmulator"));
    let body = "x".repeat(100_000);
    emulator.append(0, body.clone().into_bytes());

    let stream = TcpStream::connect(emulator.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = within(TlsConnector::from(Arc::new(client)).connect(name, stream))
        .await
        .unwrap();
    let mut client = Client::over(stream, SaslProfile::Anonymous).await.unwrap();
    let mut receiver = client
        .attach(Attach::at("0", "amqp.annotation.x-opt-offset > '-1'"))
        .await
        .unwrap();
    assert_eq!(next(&mut receiver).await.unwrap().body, body);
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}
