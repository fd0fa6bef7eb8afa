//! The sockets: HTTP, and HTTPS with a CA of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

/// Serves over plain HTTP.
pub async fn http(router: Router) -> (SocketAddr, AbortOnDropHandle<()>) {
    let (listener, address) = listen().await;
    (address, spawn(listener, router))
}

/// Serves over HTTPS as `name`; gives the CA's certificate too.
pub async fn https(
    router: Router,
    name: &str,
) -> (SocketAddr, tempfile::NamedTempFile, AbortOnDropHandle<()>) {
    let (config, ca) = server_config(name);
    let (tcp, address) = listen().await;
    let listener = TlsListener {
        tcp,
        acceptor: TlsAcceptor::from(config),
    };
    (address, super::file(&ca), spawn(listener, router))
}

/// A server with a certificate for `name`, and the CA that signed it, as PEM.
pub fn server_config(name: &str) -> (Arc<rustls::ServerConfig>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let authority = CertifiedIssuer::self_signed(params, key).expect("it can be signed");
    let own = KeyPair::generate().expect("a key can be made");
    let params = CertificateParams::new([name.to_owned()]).expect("it is a name");
    let certificate = params.signed_by(&own, &authority).expect("it can be signed");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(own.serialize_der()).expect("it is a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("they belong together");
    (Arc::new(config), authority.pem())
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("this machine has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, address)
}

fn spawn<L>(listener: L, router: Router) -> AbortOnDropHandle<()>
where
    L: Listener<Addr = SocketAddr>,
{
    AbortOnDropHandle::new(tokio::spawn(async move {
        axum::serve(listener, router).await.expect("a server runs on");
    }))
}

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Who does not trust the certificate goes away here.
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
