//! What tests ask beside the routes of an application: the store's counters, and responses that
//! no other route gives.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use session_axum::{Error, ExclusiveSession, Session};

use crate::actions::{self, Delay};
use crate::answers::{Interval, Sessions, StoreCalls};
use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/store-calls", get(store_calls))
        .route("/reset-store-calls", post(reset_store_calls))
        .route("/sessions", get(sessions))
        .route("/status/{status}/{key}/{value}", get(status))
        .route("/persistent/{seconds}", post(persistent))
        .route("/linger", get(linger))
        .route("/steps/{steps}", post(steps))
        .route("/body/{key}", post(set_from_body))
}

async fn store_calls(State(application): State<Application>) -> Json<StoreCalls> {
    Json(StoreCalls(application.store_calls()))
}

async fn reset_store_calls(State(application): State<Application>) -> &'static str {
    application.reset_store_calls();
    "reset"
}

async fn sessions(State(application): State<Application>) -> Result<Json<Sessions>, StatusCode> {
    let sessions = application.sessions().ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Sessions { sessions }))
}

/// Writes, and answers with any status and an empty body.
async fn status(
    session: Session,
    Path((status, key, value)): Path<(u16, String, String)>,
) -> Result<StatusCode, Error> {
    session.insert(key.as_str(), &value)?;
    Ok(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST))
}

async fn persistent(session: Session, Path(seconds): Path<u64>) -> Result<&'static str, Error> {
    actions::set_persistent(&session, seconds)?;
    Ok("set")
}

/// Leaves a handle of the session with a task that outlives the request, if that is cut short.
async fn linger(session: ExclusiveSession, Query(delay): Query<Delay>) -> Json<Interval> {
    let lingering = session.clone();
    tokio::spawn(async move {
        delay.pass().await;
        drop(lingering);
    });
    Json(actions::hold(delay).await)
}

/// Several things in one request, such as `renew-destroy`.
async fn steps(session: Session, Path(steps): Path<String>) -> Result<&'static str, Error> {
    actions::take_steps(&session, &steps)?;
    Ok("taken")
}

/// A value that stands in no URL.
async fn set_from_body(
    session: Session,
    Path(key): Path<String>,
    value: String,
) -> Result<&'static str, Error> {
    session.insert(key.as_str(), &value)?;
    Ok("set")
}
