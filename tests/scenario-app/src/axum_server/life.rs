//! A session's life: log in and out, renew, timeouts, and what it says of itself.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use session_axum::{Error, ReadOnlySession, Session};

use crate::actions;
use crate::answers::Info;
use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/login/{user}", post(log_in))
        .route("/logout", post(log_out))
        .route("/renew", post(renew))
        .route("/timeout/{seconds}", post(set_idle_timeout))
        .route("/info", get(info))
}

async fn log_in(session: Session, Path(user): Path<String>) -> Result<&'static str, Error> {
    session.log_in(&user)?;
    Ok("logged in")
}

async fn log_out(session: Session) -> Result<&'static str, Error> {
    session.destroy()?;
    Ok("logged out")
}

/// A response that a handler ends up with after it asked for a new id.
#[derive(serde::Deserialize)]
struct Failure {
    fail: Option<u16>,
}

async fn renew(
    session: Session,
    Query(Failure { fail }): Query<Failure>,
) -> Result<StatusCode, Error> {
    session.renew()?;
    let status = fail.and_then(|code| StatusCode::from_u16(code).ok());
    Ok(status.unwrap_or_default())
}

async fn set_idle_timeout(
    session: Session,
    Path(seconds): Path<u64>,
) -> Result<&'static str, Error> {
    actions::set_idle_timeout(&session, seconds)?;
    Ok("set")
}

async fn info(session: ReadOnlySession) -> Json<Info> {
    Json(Info::of(&session))
}
