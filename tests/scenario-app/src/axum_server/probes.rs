//! What a load balancer asks.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/healthz", get(async || "healthy"))
        .route("/readyz", get(ready))
}

async fn ready(State(application): State<Application>) -> Result<&'static str, StatusCode> {
    match application.engine().ready().await {
        Ok(()) => Ok("ready"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
