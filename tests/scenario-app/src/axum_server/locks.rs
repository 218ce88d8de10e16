//! Who has the session for how long.

use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Json, Router};
use session_axum::{Error, ExclusiveSession, ReadOnlySession};

use crate::actions::{self, Delay};
use crate::answers::Interval;
use crate::application::Application;

pub(super) fn routes() -> Router<Application> {
    Router::new()
        .route("/exclusive", get(exclusive))
        .route("/readonly", get(read_only))
        .route("/exclusive-set/{key}/{value}", post(exclusive_set))
}

async fn exclusive(_session: ExclusiveSession, Query(delay): Query<Delay>) -> Json<Interval> {
    Json(actions::hold(delay).await)
}

async fn read_only(_session: ReadOnlySession, Query(delay): Query<Delay>) -> Json<Interval> {
    Json(actions::hold(delay).await)
}

async fn exclusive_set(
    session: ExclusiveSession,
    Path((key, value)): Path<(String, String)>,
    Query(delay): Query<Delay>,
) -> Result<Json<Interval>, Error> {
    let interval = actions::hold(delay).await;
    session.insert(key.as_str(), value.as_str())?;
    Ok(Json(interval))
}
