//! Responses of every kind, after a write.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect};
use axum::routing::{get, post};
use session_axum::{Error, Session};

use crate::actions::Delay;
use crate::application::Application;
use crate::late;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/redirect/{key}/{value}", get(redirect))
        .route("/panic", get(panic))
        .route("/stream", get(stream))
        .route("/cookie-too", post(cookie_too))
}

async fn redirect(
    session: Session,
    Path((key, value)): Path<(String, String)>,
) -> Result<Redirect, Error> {
    session.insert(key.as_str(), &value)?;
    Ok(Redirect::to(&format!("/get/{key}")))
}

#[expect(
    clippy::panic,
    reason = "what a handler's panic leaves behind is tested"
)]
async fn panic(session: Session) -> Result<(), Error> {
    session.insert("panic", "1")?;
    panic!("asked to panic");
}

/// Writes `early` before the head, and tries to write `late` after it.
async fn stream(session: Session, Query(delay): Query<Delay>) -> Result<Body, Error> {
    session.insert("early", "1")?;
    Ok(Body::from_stream(late::chunks((*session).clone(), delay)))
}

async fn cookie_too(session: Session) -> Result<impl IntoResponse, Error> {
    session.insert("cookie-too", "1")?;
    Ok(AppendHeaders([(SET_COOKIE, "theme=dark; Path=/")]))
}
