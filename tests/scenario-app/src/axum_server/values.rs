//! Values: get, set, count, and a flash message.

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use session_axum::{Error, ReadOnlySession, Session};

use crate::actions::{self, Delay};
use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/untouched", get(async || "untouched"))
        .route("/get/{key}", get(value))
        .route("/set/{key}/{value}", post(set))
        .route("/increment/{key}", post(increment))
        .route("/flash", get(take_flash))
        .route("/flash/{text}", post(leave_flash))
}

async fn value(
    session: ReadOnlySession,
    Path(key): Path<String>,
) -> Result<Result<String, StatusCode>, Error> {
    let value = actions::value(&session, &key)?;
    Ok(value.ok_or(StatusCode::NOT_FOUND))
}

async fn set(
    session: Session,
    Path((key, value)): Path<(String, String)>,
    Query(delay): Query<Delay>,
) -> Result<&'static str, Error> {
    actions::set(&session, &key, &value, delay).await?;
    Ok("set")
}

async fn increment(
    session: Session,
    Path(key): Path<String>,
    Query(delay): Query<Delay>,
) -> Result<String, Error> {
    Ok(actions::increment(&session, &key, delay).await?)
}

async fn leave_flash(session: Session, Path(text): Path<String>) -> Result<&'static str, Error> {
    actions::leave_flash(&session, &text)?;
    Ok("left")
}

async fn take_flash(session: Session) -> Result<Result<String, StatusCode>, Error> {
    let text = actions::take_flash(&session)?;
    Ok(text.ok_or(StatusCode::NOT_FOUND))
}
