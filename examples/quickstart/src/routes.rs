//! The shop's routes. What a handler wants of the session it says by its argument: `Session`
//! reads and writes, `ReadOnlySession` only reads, and a handler with neither costs nothing.

use axum::extract::{Form, MatchedPath, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::Markup;
use serde::{Deserialize, Serialize};
use session_axum::{Error, ReadOnlySession, Session, SessionLayer};
use session_core::Key;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use crate::cart::{self, CART};
use crate::pages::{self, Home};

const VISITS: Key<u64> = Key::new("visits");

/// A message for the next page, which takes it.
const NOTICE: Key<String> = Key::new("notice");

/// The demonstration's only password. A real application keeps a salted hash for each user.
pub(crate) const PASSWORD: &str = "tea";

const LONGEST_NAME: usize = 40;

pub(crate) fn app(sessions: SessionLayer) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/cart/add", post(add_to_cart))
        .route("/cart/empty", post(empty_cart))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/whoami", get(who_am_i))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(sessions)
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::INFO)),
        )
}

async fn home(session: Session) -> Result<Markup, Error> {
    let page = Home {
        // Right even when two tabs load at once, which `get` and then `insert` would not be.
        visits: session.update(VISITS, |visits| visits + 1)?,
        // `take` delivers once, `get` as often as it is asked.
        notice: session.take(NOTICE)?,
        user: session.principal(),
        cart: session.get(CART)?.unwrap_or_default(),
    };
    Ok(pages::home(&page))
}

#[derive(Debug, Deserialize)]
struct Order {
    tea: String,
}

async fn add_to_cart(session: Session, Form(order): Form<Order>) -> Result<Response, Error> {
    let Some(tea) = cart::tea(&order.tea) else {
        return Ok((StatusCode::NOT_FOUND, "No such tea.\n").into_response());
    };
    let _cart = session.update(CART, |cart| cart.with(tea))?;
    Ok(to_home())
}

async fn empty_cart(session: Session) -> Result<Response, Error> {
    if session.remove(CART.name())? {
        session.insert(NOTICE, &"The cart is empty.".to_owned())?;
    }
    Ok(to_home())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

impl Credentials {
    /// The user's name, if this is one and the password is right.
    fn check(&self) -> Option<&str> {
        let name = self.name.trim();
        let is_name = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
        (is_name && self.password == PASSWORD).then_some(name)
    }
}

async fn log_in(session: Session, Form(form): Form<Credentials>) -> Result<Response, Error> {
    if let Some(name) = form.check() {
        // The session gets a new id and keeps its cart; an id that somebody knew or planted
        // before is dead.
        session.log_in(name)?;
        session.insert(NOTICE, &format!("Welcome, {name}!"))?;
    } else {
        session.insert(NOTICE, &"That is not the password.".to_owned())?;
    }
    Ok(to_home())
}

async fn log_out(session: Session) -> Result<Response, Error> {
    session.destroy()?;
    // What is written after the end begins a new session, of nobody.
    session.insert(NOTICE, &"You are logged out. See you!".to_owned())?;
    Ok(to_home())
}

#[derive(Serialize)]
struct Visitor {
    user: Option<String>,
    visits: u64,
}

/// For programs. Reads only, so it makes no session for those who have none.
async fn who_am_i(session: ReadOnlySession) -> Result<Json<Visitor>, Error> {
    Ok(Json(Visitor {
        user: session.principal(),
        visits: session.get(VISITS)?.unwrap_or_default(),
    }))
}

/// Pages that changed something send the browser to one that can be reloaded. The commit comes
/// before this answer, so that page sees the change.
fn to_home() -> Response {
    Redirect::to("/").into_response()
}

/// The route's pattern and not the path, which may say who did what; and no header, because
/// cookies are as good as passwords.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}
