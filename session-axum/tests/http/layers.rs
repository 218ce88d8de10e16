//! Session layers and others, in every order.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use session_axum::{Error, ExclusiveSession, Session};
use session_core::Transport;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::support::{Server, Sessions, header, sets_cookie};

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

fn routes() -> Router {
    Router::new().route("/count", get(count))
}

fn named(name: &str) -> Sessions {
    Sessions::with(|config| config.cookie(|cookie| cookie.name(name)))
}

#[tokio::test]
async fn two_layers_with_different_cookies_are_two_sessions() {
    let (outer, inner) = (named("outer"), named("inner"));
    let app = routes()
        .layer(inner.layer.clone())
        .route("/outer", get(count))
        .layer(outer.layer.clone());
    let server = Server::start(app).await;
    let visitor = server.visitor();
    let response = visitor.get("/count").await;
    assert!(header(&response, "set-cookie").starts_with("inner="));
    let response = visitor.get("/outer").await;
    assert!(header(&response, "set-cookie").starts_with("outer="));
    assert_eq!(visitor.text("/count").await, "2");
    assert_eq!(visitor.text("/outer").await, "2");
    assert_eq!(inner.trips(), "create 1, load 1, save 1");
    assert_eq!(outer.trips(), "create 1, load 1, save 1");
}

#[tokio::test]
async fn a_second_layer_of_the_same_cookie_reuses_the_first() {
    let (outer, inner) = (Sessions::default(), Sessions::default());
    let app = routes()
        .layer(inner.layer.clone())
        .layer(outer.layer.clone())
        .layer(outer.layer.clone());
    let server = Server::start(app).await;
    let visitor = server.visitor();
    let response = visitor.get("/count").await;
    assert_eq!(
        response.headers().get_all("set-cookie").iter().count(),
        1,
        "s20"
    );
    assert_eq!(visitor.text("/count").await, "2");
    assert_eq!(inner.trips(), "");
    assert_eq!(outer.trips(), "create 1, load 1, save 1");
}

#[tokio::test]
async fn s20_a_second_layer_that_shares_only_the_cookie_reuses_the_first() {
    let with = |transport| Sessions::with(|config| config.transport(transport));
    let (outer, inner) = (with(Transport::Both), with(Transport::Cookie));
    let app = routes()
        .layer(inner.layer.clone())
        .route("/outer", get(count))
        .layer(outer.layer.clone());
    let server = Server::start(app).await;
    let visitor = server.visitor();
    assert_eq!(visitor.text("/count").await, "1");
    assert_eq!(visitor.text("/outer").await, "2");
    assert_eq!(visitor.text("/count").await, "3");
    assert_eq!(inner.trips(), "");
}

#[tokio::test]
async fn the_outer_one_is_found_behind_a_layer_of_another_cookie() {
    let (a, b) = (named("a"), named("b"));
    let app = routes()
        .layer(a.layer.clone())
        .layer(b.layer.clone())
        .layer(a.layer.clone());
    let server = Server::start(app).await;
    let visitor = server.visitor();
    let response = visitor.get("/count").await;
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
    assert_eq!(visitor.text("/count").await, "2");
}

#[tokio::test]
async fn nested_routers_share_the_session_of_the_outer_one() {
    let sessions = Sessions::default();
    let app = routes()
        .nest("/api", routes().nest("/v1", routes()))
        .layer(sessions.layer.clone());
    let server = Server::start(app).await;
    let visitor = server.visitor();
    for (number, path) in ["/count", "/api/count", "/api/v1/count"].iter().enumerate() {
        assert_eq!(visitor.text(path).await, (number + 1).to_string());
    }
}

#[tokio::test]
async fn a_layer_reaches_as_far_as_it_is_put() {
    let sessions = Sessions::default();
    let inside = routes().route_layer(sessions.layer.clone());
    let app = Router::new()
        .route("/outside", get(count))
        .nest("/inside", inside);
    let server = Server::start(app).await;
    let visitor = server.visitor();
    assert_eq!(visitor.text("/inside/count").await, "1");
    assert_eq!(visitor.text("/inside/count").await, "2");
    assert_eq!(visitor.status("/inside/nowhere").await, 404);
    assert_eq!(visitor.status("/outside").await, 500);
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(50))
}

#[tokio::test]
async fn layers_of_tower_http_stand_on_either_side() {
    let long = |session: Session| async move {
        session.increment("n", 1)?;
        Ok::<_, Error>("long ".repeat(1000))
    };
    let sessions = Sessions::default();
    let routes = routes().route("/long", get(long));
    let outside = routes
        .clone()
        .layer(sessions.layer.clone())
        .layer(timeout())
        .layer(CatchPanicLayer::new())
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http());
    let inside = routes
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(timeout())
        .layer(sessions.layer.clone());
    for app in [outside, inside] {
        let server = Server::start(app).await;
        let visitor = server.visitor();
        assert_eq!(visitor.text("/count").await, "1");
        let request = visitor.client.get(server.url("/long"));
        let response = request
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap();
        assert_eq!(header(&response, "content-encoding"), "gzip");
        let vary = header(&response, "vary").to_ascii_lowercase();
        assert!(
            vary.contains("cookie") && vary.contains("accept-encoding"),
            "{vary}"
        );
        assert_eq!(visitor.text("/count").await, "3");
    }
}

async fn panics(session: ExclusiveSession) -> Result<String, Error> {
    session.insert("n", &666)?;
    assert!(session.is_new(), "the panic of this test");
    Ok(String::new())
}

async fn never(session: ExclusiveSession) -> Result<String, Error> {
    session.insert("n", &666)?;
    std::future::pending().await
}

/// What is stored after a request to a handler that writes, and then panics or takes too long.
async fn after_failure(app: impl FnOnce(Router, &Sessions) -> Router) -> [String; 2] {
    let sessions = Sessions::default();
    let routes = routes()
        .route("/panics", get(panics))
        .route("/never", get(never));
    let server = Server::start(app(routes, &sessions)).await;
    let mut after = [String::new(), String::new()];
    for (path, after) in [("/panics", 500), ("/never", 408)]
        .into_iter()
        .zip(&mut after)
    {
        let visitor = server.visitor();
        visitor.text("/count").await;
        let response = visitor.get(path.0).await;
        assert_eq!(response.status(), path.1);
        assert!(!sets_cookie(&response));
        // The lease is free: this does not wait for it.
        *after = visitor.text("/count").await;
    }
    after
}

#[tokio::test]
async fn c16_c37_a_panic_and_a_timeout_commit_nothing_and_free_the_lease() {
    let after = after_failure(|routes, sessions| {
        let routes = routes.layer(sessions.layer.clone());
        routes.layer(timeout()).layer(CatchPanicLayer::new())
    });
    assert_eq!(after.await, ["2", "2"]);
}

#[tokio::test]
async fn c16_a_panic_commits_nothing_and_what_a_layer_inside_answers_commits() {
    let after = after_failure(|routes, sessions| {
        let routes = routes.layer(timeout()).layer(CatchPanicLayer::new());
        routes.layer(sessions.layer.clone())
    });
    let expected = ["2", "667"];
    assert_eq!(
        after.await,
        expected,
        "a time-out inside is a response like any other"
    );
}
