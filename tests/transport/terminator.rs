//! TLS in front of a peer that has none.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::entra::file;
use crate::entra::server::server_config;

/// Passes what is in TLS on to a plain peer; ends when dropped.
pub struct Terminator {
    pub address: SocketAddr,
    /// PEM file of its CA.
    pub ca: tempfile::NamedTempFile,
    _accept: AbortOnDropHandle<()>,
}

impl Terminator {
    /// With a certificate for `name`.
    pub async fn start(name: &str, upstream: SocketAddr) -> Self {
        let (tls, ca) = server_config(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let accept = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a listening socket accepts");
                let acceptor = TlsAcceptor::from(tls.clone());
                tokio::spawn(async move {
                    // Who does not trust the certificate goes away here.
                    if let Ok(mut stream) = acceptor.accept(stream).await
                        && let Ok(mut upstream) = TcpStream::connect(upstream).await
                    {
                        let _ = copy_bidirectional(&mut stream, &mut upstream).await;
                    }
                });
            }
        });
        Self {
            address,
            ca: file(&ca),
            _accept: AbortOnDropHandle::new(accept),
        }
    }
}
