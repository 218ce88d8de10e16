//! What a load balancer asks.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use session_core::NotReady;

use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/healthz", get(async || "healthy"))
        .route("/readyz", get(ready))
}

/// The reason is for whoever runs the farm. It has no secrets in it, but the names of hosts and
/// files, so an application's own probes belong where clients cannot ask.
async fn ready(
    State(application): State<Application>,
) -> Result<&'static str, (StatusCode, String)> {
    let ready = application.engine().ready().await;
    ready.map(|()| "ready").map_err(|reason| {
        tracing::warn!(%reason, "not ready");
        let kind = kind(&reason);
        (StatusCode::SERVICE_UNAVAILABLE, format!("{kind}: {reason}"))
    })
}

/// One word for what keeps this instance from serving sessions.
fn kind(reason: &NotReady) -> &'static str {
    match reason {
        NotReady::Store(_) => "store",
        NotReady::ReadOnly { .. } => "read_only",
        NotReady::Drift(_) => "drift",
        NotReady::Behind(_) => "behind",
        _ => "other",
    }
}
