//! The server of `/metrics`, `/healthz` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::TextEncoder;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::readiness::Readiness;
use super::{Metrics, log};

/// What the pages show.
#[derive(Debug, Clone)]
struct Pages {
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on `{address}` for metrics and health")]
pub struct Error {
    /// The configured address.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    /// The address really listened on, which matters when port 0 was asked for.
    pub address: SocketAddr,
}

impl Server {
    /// Starts to listen.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source| Error { address, source })
    }

    /// Answers until `stop` is cancelled.
    pub async fn serve(self, metrics: Arc<Metrics>, readiness: Arc<Readiness>, stop: CancellationToken) {
        let routes = Router::new()
            .route("/metrics", get(show_metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(show_readiness))
            .with_state(Pages { metrics, readiness });
        let served = axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "metrics and health are no longer served");
        }
    }
}

async fn show_metrics(State(pages): State<Pages>) -> impl IntoResponse {
    pages.readiness.refresh(&pages.metrics);
    pages
        .metrics
        .log_dropped_lines_total
        .inc_by(log::take_dropped_lines());
    let families = pages.metrics.registry.gather();
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn show_readiness(State(pages): State<Pages>) -> impl IntoResponse {
    let report = pages.readiness.report();
    let status = if report.is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::to_string_pretty(&report).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body + "\n")
}
