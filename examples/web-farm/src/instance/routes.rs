//! The shop's routes. They are what they would be without a farm: nothing here knows that other
//! instances change the same session.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Form, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use session_axum::{Error, ReadOnlySession, Session};

use super::Instance;
use super::values::{NAME, TEAS, TRAIL, VISITS, Values, followed_by, one_more};
use super::{Health, pages};
use crate::page;

const LONGEST_NAME: usize = 40;

/// How long the slow page takes.
const SLOW: Duration = Duration::from_secs(2);

const ANSWERED_BY: HeaderName = HeaderName::from_static("x-instance");

pub(super) fn app(instance: Instance) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/name", post(set_name))
        .route("/tea", post(add_tea))
        .route("/forget", post(forget))
        .route("/visit", post(visit))
        .route("/whoami", get(who_am_i))
        .route("/slow", get(slow))
        .layer(instance.sessions.clone())
        .layer(middleware::from_fn_with_state(instance.clone(), sign))
        .route("/readyz", get(ready))
        .with_state(instance)
}

/// Says in the answer who gave it, and counts it.
async fn sign(State(instance): State<Instance>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    instance.answers.fetch_add(1, Ordering::Relaxed);
    if let Ok(name) = HeaderValue::from_str(&instance.name) {
        response.headers_mut().insert(ANSWERED_BY, name);
    }
    response
}

async fn home(
    State(instance): State<Instance>,
    session: Result<Session, Error>,
) -> Result<Response, Error> {
    let session = match session {
        Ok(session) => session,
        Err(error) => return Ok(store_away(&instance, error).await),
    };
    let values = count_visit(&instance, &session)?;
    let farm = pages::farm(instance.supervisor).await;
    let page = pages::home(&instance.name, &values, &farm);
    Ok(page::response(StatusCode::OK, page))
}

/// The library's own answer has status and headers, and no text.
async fn store_away(instance: &Instance, error: Error) -> Response {
    let farm = pages::farm(instance.supervisor).await;
    let (head, _) = error.into_response().into_parts();
    let page = pages::store_away(&instance.name, &farm);
    let mut response = page::response(head.status, page);
    response.headers_mut().extend(head.headers);
    response
}

/// Right even when several instances do this for the same visitor at once.
fn count_visit(instance: &Instance, session: &Session) -> Result<Values, Error> {
    let name = instance.name.clone();
    let _visits = session.update(VISITS, |visits| visits + 1)?;
    let _trail = session.update(TRAIL, move |trail| followed_by(trail, &name))?;
    Ok(Values::of(session)?)
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

async fn set_name(session: Session, Form(form): Form<Named>) -> Result<Response, Error> {
    let name: String = form.name.trim().chars().take(LONGEST_NAME).collect();
    session.insert(NAME, &name)?;
    Ok(to_home())
}

async fn add_tea(session: Session) -> Result<Response, Error> {
    let _teas = session.update(TEAS, one_more)?;
    Ok(to_home())
}

async fn forget(session: Session) -> Result<Response, Error> {
    session.destroy()?;
    Ok(to_home())
}

/// A session as programs see it.
#[derive(Debug, Serialize)]
struct Told {
    instance: String,
    #[serde(flatten)]
    values: Values,
}

/// A visit without a page.
async fn visit(State(instance): State<Instance>, session: Session) -> Result<Json<Told>, Error> {
    let values = count_visit(&instance, &session)?;
    let instance = instance.name.to_string();
    Ok(Json(Told { instance, values }))
}

/// Reads only, so it makes no session for those who have none.
async fn who_am_i(
    State(instance): State<Instance>,
    session: ReadOnlySession,
) -> Result<Json<Told>, Error> {
    let values = Values::of(&session)?;
    let instance = instance.name.to_string();
    Ok(Json(Told { instance, values }))
}

/// A request that is under way for long enough to recycle or kill its instance meanwhile.
async fn slow(State(instance): State<Instance>, session: Session) -> Result<String, Error> {
    let visits = session.update(VISITS, |visits| visits + 1)?;
    tokio::time::sleep(SLOW).await;
    Ok(format!("{} is done, visit {visits}\n", instance.name))
}

/// For whoever hands requests round.
async fn ready(State(instance): State<Instance>) -> (StatusCode, Json<Health>) {
    let health = instance.health().await;
    let status = match health.reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health))
}

/// Pages that changed something send the browser to one that can be reloaded. The commit comes
/// before this answer, so that page sees the change, whichever instance shows it.
fn to_home() -> Response {
    Redirect::to("/").into_response()
}
