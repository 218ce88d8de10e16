//! The buttons, for people on this machine only.

use axum::extract::{Form, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::Markup;
use serde::Deserialize;
use session_core::KeyRing;
use tower_http::csrf::CsrfLayer;

use super::farm::Farm;
use super::member::Order;
use super::snapshot::Snapshot;
use super::table;

pub(super) fn routes() -> Router<Farm> {
    Router::new()
        .route("/table", get(show_table))
        .route("/state.json", get(show_state))
        .route("/recycle", post(recycle))
        .route("/kill", post(kill))
        .route("/stranger", post(stranger))
        .route("/restart-store", post(restart_store))
        .route("/kill-store", post(kill_store))
        .route("/rotate", post(rotate))
        // Another site's page must not press the buttons,
        .layer(CsrfLayer::new())
        // and neither must one whose name was made to point at this machine.
        .layer(middleware::from_fn(only_by_local_name))
}

async fn only_by_local_name(request: Request, next: Next) -> Response {
    if !is_local(request.headers()) {
        let text = "Use http://127.0.0.1 or http://localhost.\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        axum::http::HeaderValue::from_static("no-store"),
    );
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let name = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    matches!(name, Some("127.0.0.1" | "localhost" | "[::1]"))
}

async fn show_table(State(farm): State<Farm>) -> Markup {
    table::table(&Snapshot::of(&farm))
}

async fn show_state(State(farm): State<Farm>) -> Json<Snapshot> {
    Json(Snapshot::of(&farm))
}

#[derive(Debug, Deserialize)]
struct Which {
    instance: u16,
}

async fn recycle(State(farm): State<Farm>, Form(which): Form<Which>) -> Response {
    order(&farm, which.instance, Order::Recycle)
}

async fn kill(State(farm): State<Farm>, Form(which): Form<Which>) -> Response {
    order(&farm, which.instance, Order::Kill)
}

fn order(farm: &Farm, instance: u16, order: Order) -> Response {
    match farm.member(instance) {
        Some(member) => {
            member.order(order);
            to_page()
        }
        None => (StatusCode::NOT_FOUND, "There is no such instance.\n").into_response(),
    }
}

async fn stranger(State(farm): State<Farm>) -> Response {
    let ring = farm.setup().stranger_ring.clone();
    match tokio::task::spawn_blocking(|| KeyRing::open_or_create(ring)).await {
        Ok(Ok(_)) => farm.add_stranger(),
        Ok(Err(error)) => farm.note(format!("the stranger has no key: {error}")),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
    to_page()
}

async fn restart_store(State(farm): State<Farm>) -> Response {
    order_store(&farm, Order::Recycle)
}

async fn kill_store(State(farm): State<Farm>) -> Response {
    order_store(&farm, Order::Kill)
}

fn order_store(farm: &Farm, order: Order) -> Response {
    match farm.state_server() {
        Some(server) => {
            server.order(order);
            to_page()
        }
        None => (StatusCode::NOT_FOUND, "The store is not the farm's own.\n").into_response(),
    }
}

async fn rotate(State(farm): State<Farm>) -> Response {
    match tokio::task::spawn_blocking(move || farm.rotate()).await {
        Ok(()) => to_page(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn to_page() -> Response {
    Redirect::to("/").into_response()
}

#[cfg(test)]
mod tests {
    use super::{HOST, HeaderMap, is_local};

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, expected) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("[::1]:80", true),
            ("evil.test:8080", false),
            ("127.0.0.1.evil.test", false),
            ("localhost:evil", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(is_local(&headers), expected, "{host}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }
}
