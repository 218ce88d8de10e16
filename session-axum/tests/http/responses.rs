//! What responses commit, and the headers that they get.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::get;
use session_axum::{Error, ExclusiveSession, ReadOnlySession, Session};
use session_core::testing::{Fault, Operation};
use session_core::{SessionErrorKind, StoreErrorKind, Transport};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::{Server, Sessions, header, sets_cookie};

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn log_out(session: Session) -> Result<(), Error> {
    Ok(session.destroy()?)
}

async fn read(session: ReadOnlySession) -> Result<String, Error> {
    Ok(session.get::<i64>("n")?.unwrap_or(-1).to_string())
}

async fn status(session: Session, Path(code): Path<u16>) -> Result<StatusCode, Error> {
    session.increment("n", 1)?;
    Ok(StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT))
}

async fn redirect(session: Session) -> Result<(StatusCode, HeaderMap), Error> {
    session.insert("n", &41)?;
    let to = [(LOCATION, HeaderValue::from_static("/read"))];
    Ok((StatusCode::SEE_OTHER, HeaderMap::from_iter(to)))
}

fn routes() -> Router {
    Router::new()
        .route("/count", get(count))
        .route("/read", get(read))
        .route("/logout", get(log_out))
        .route("/redirect", get(redirect))
        .route("/status/{code}", get(status))
}

#[tokio::test]
async fn c16_every_response_commits_whatever_its_status() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    let codes = [200, 204, 205, 301, 303, 304, 400, 404, 418, 500, 503];
    for code in codes {
        assert_eq!(visitor.status(&format!("/status/{code}")).await, code);
    }
    let head = visitor.client.head(server.url("/status/200")).send().await;
    assert_eq!(head.unwrap().status(), 200);
    assert_eq!(visitor.text("/read").await, (codes.len() + 1).to_string());
}

#[tokio::test]
async fn a_session_can_begin_with_any_status() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    for code in [204, 304, 404, 500] {
        let visitor = server.visitor();
        assert!(sets_cookie(&visitor.get(&format!("/status/{code}")).await));
        assert_eq!(visitor.text("/read").await, "1", "{code}");
    }
}

#[tokio::test]
async fn n21_c39_a_redirect_arrives_after_the_write_it_depends_on() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    for _ in 0..50 {
        let response = visitor.get("/redirect").await;
        assert_eq!(response.status(), 303);
        assert_eq!(visitor.text(&header(&response, "location")).await, "41");
    }
}

#[tokio::test]
async fn c48_a_commit_that_fails_takes_the_place_of_the_response() {
    let sessions = Sessions::default();
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let full = Fault::error(StoreErrorKind::Full).on(Operation::Save);
    sessions.faults.inject(full.times(1));
    let response = visitor.get("/count").await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(!sets_cookie(&response));
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(visitor.text("/count").await, "2");
}

async fn log_in_and_count(session: Session) -> Result<(), Error> {
    session.log_in("user-42")?;
    session.commit().await?;
    session.increment("n", 1)?;
    Ok(())
}

#[tokio::test]
async fn n20_a_cookie_of_a_commit_midway_goes_out_although_the_last_one_fails() {
    let sessions = Sessions::default();
    let routes = routes().route("/login", get(log_in_and_count));
    let server = Server::start(routes.layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let full = Fault::error(StoreErrorKind::Full).on(Operation::Save);
    sessions.faults.inject(full.times(1));
    let response = visitor.get("/login").await;
    assert_eq!(response.status(), 503);
    assert!(sets_cookie(&response), "the old id is dead");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(visitor.text("/count").await, "2");
}

async fn cached(session: Session) -> Result<(HeaderMap, String), Error> {
    let n = session.increment("n", i64::from(session.is_new()))?;
    let headers = [
        (CACHE_CONTROL, "public, max-age=600"),
        (CACHE_CONTROL, "immutable"),
        (VARY, "Accept-Encoding"),
        (SET_COOKIE, "theme=dark"),
    ];
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_static(value));
    }
    Ok((map, n.to_string()))
}

#[tokio::test]
async fn s23_a_handlers_public_does_not_survive_beside_set_cookie() {
    let app = Router::new().route("/cached", get(cached));
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    let first = visitor.get("/cached").await;
    assert_eq!(header(&first, "cache-control"), "no-store");
    assert_eq!(header(&first, "vary"), "Accept-Encoding + Cookie");
    let cookies = header(&first, "set-cookie");
    assert!(
        cookies.contains("theme=dark") && cookies.contains("session="),
        "c15: {cookies}"
    );
    let second = visitor.get("/cached").await;
    assert_eq!(
        header(&second, "cache-control"),
        "public, max-age=600 + immutable"
    );
    assert_eq!(header(&second, "set-cookie"), "theme=dark");
    assert_eq!(header(&second, "vary"), "Accept-Encoding + Cookie");
}

#[tokio::test]
async fn vary_is_not_said_twice() {
    let varies =
        |value: &'static str| get(move |_: ReadOnlySession| async move { [(VARY, value)] });
    let app = Router::new()
        .route("/star", varies("*"))
        .route("/cookie", varies("cookie"))
        .route("/list", varies("Accept, Cookie"));
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    for (path, vary) in [
        ("/star", "*"),
        ("/cookie", "cookie"),
        ("/list", "Accept, Cookie"),
    ] {
        assert_eq!(header(&visitor.get(path).await, "vary"), vary);
    }
}

const TOKEN: HeaderName = HeaderName::from_static("session-token");

#[tokio::test]
async fn a_client_that_uses_the_header_is_answered_in_the_header() {
    let sessions = Sessions::with(|config| config.transport(Transport::Both));
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let client = reqwest::Client::new();
    let ask = |path: &str, token: &str| client.get(server.url(path)).header(TOKEN, token).send();
    let first = ask("/count", "").await.unwrap();
    let token = header(&first, "session-token");
    assert!(!token.is_empty() && !sets_cookie(&first));
    assert_eq!(header(&first, "vary"), "Cookie, session-token");
    assert_eq!(header(&first, "cache-control"), "no-store");
    let second = ask("/count", &token).await.unwrap();
    assert!(!second.headers().contains_key(TOKEN));
    assert_eq!(second.text().await.unwrap(), "2");
    let last = ask("/logout", &token).await.unwrap();
    assert_eq!(last.headers().get(TOKEN).unwrap(), "", "it has ended");
    assert!(!sets_cookie(&last));
    let browser = server.visitor();
    let by_cookie = browser.get("/count").await;
    assert!(sets_cookie(&by_cookie) && !by_cookie.headers().contains_key(TOKEN));
}

#[tokio::test]
async fn c12_headers_beyond_the_limit_are_not_looked_at() {
    let sessions = Sessions::with(|config| config.transport(Transport::Both));
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let client = reqwest::Client::new();
    let mut tokens = HeaderMap::new();
    for _ in 0..5 {
        let first = client.get(server.url("/count")).header(TOKEN, "");
        let token = header(&first.send().await.unwrap(), "session-token");
        tokens.append(TOKEN, HeaderValue::try_from(token).unwrap());
    }
    sessions.trips();
    let ask = |path| client.get(server.url(path)).headers(tokens.clone()).send();
    assert_eq!(ask("/read").await.unwrap().text().await.unwrap(), "-1");
    assert_eq!(ask("/count").await.unwrap().status(), 431);
    assert_eq!(sessions.trips(), "");
}

#[tokio::test]
async fn s22_what_is_not_configured_is_not_read() {
    let sessions = Sessions::default();
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    let cookie = header(&visitor.get("/count").await, "set-cookie");
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    let client = reqwest::Client::new();
    let request = client.get(server.url(&format!("/read?session={token}")));
    let response = request.header(TOKEN, token).send().await.unwrap();
    assert_eq!(header(&response, "vary"), "Cookie");
    assert_eq!(response.text().await.unwrap(), "-1");
}

/// Cookies as they are in the header, not in a jar.
async fn with_cookies(server: &Server, path: &str, cookies: &[&str]) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(server.url(path));
    for line in cookies {
        request = request.header("cookie", *line);
    }
    request.send().await.unwrap()
}

async fn fresh_cookie(server: &Server) -> String {
    let cookie = header(&server.visitor().get("/count").await, "set-cookie");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn c07_c09_c11_a_dead_cookie_beside_the_live_one_is_passed_over() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    let (dead, live) = (fresh_cookie(&server).await, fresh_cookie(&server).await);
    with_cookies(&server, "/logout", &[&dead]).await;
    for lines in [
        vec![format!("{dead}; {live}")],
        vec![dead.clone(), live.clone()],
        vec![format!("a=b; session=junk; {live}; x=y")],
        vec![format!("session={}", "A".repeat(76)), live.clone()],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let response = with_cookies(&server, "/read", &lines).await;
        assert_eq!(response.text().await.unwrap(), "1", "{lines:?}");
    }
}

#[tokio::test]
async fn c08_two_live_cookies_are_nobody_and_a_write_is_refused() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    let (one, two) = (fresh_cookie(&server).await, fresh_cookie(&server).await);
    let read = with_cookies(&server, "/read", &[&one, &two]).await;
    assert!(!sets_cookie(&read));
    assert_eq!(read.text().await.unwrap(), "-1");
    for path in ["/count", "/logout"] {
        let write = with_cookies(&server, path, &[&one, &two]).await;
        assert_eq!(write.status(), 409);
        assert!(!sets_cookie(&write));
    }
    let same = with_cookies(&server, "/read", &[&one, &one]).await;
    assert_eq!(same.text().await.unwrap(), "1", "twice the same is one");
}

#[tokio::test]
async fn c12_cookies_beyond_the_limits_are_not_looked_at() {
    let server = Server::start(routes().layer(Sessions::default().layer)).await;
    let live = fresh_cookie(&server).await;
    let padded = format!("{}{live}", "a=b; ".repeat(64));
    assert_eq!(
        with_cookies(&server, "/read", &[&padded])
            .await
            .text()
            .await
            .unwrap(),
        "-1"
    );
    let write = with_cookies(&server, "/count", &[&padded]).await;
    assert_eq!(write.status(), 431);
    assert!(!sets_cookie(&write));
}

/// Says when its handler is inside, and never answers.
async fn hold(
    State(inside): State<Arc<Notify>>,
    session: ExclusiveSession,
) -> Result<String, Error> {
    session.insert("n", &666)?;
    inside.notify_one();
    std::future::pending().await
}

#[tokio::test]
async fn c16_c37_a_connection_that_is_dropped_commits_nothing_and_frees_the_lease() {
    let inside = Arc::new(Notify::new());
    let alone = |session: ExclusiveSession| async move {
        Ok::<_, Error>(session.increment("n", 1)?.to_string())
    };
    let app = Router::new()
        .route("/hold", get(hold))
        .with_state(inside.clone())
        .merge(routes())
        .route("/alone", get(alone));
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    let cookie = fresh_cookie(&server).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /hold HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    inside.notified().await;
    drop(stream);
    let next = with_cookies(&server, "/alone", &[&cookie]).await;
    assert_eq!(next.status(), 200, "not after session.lock.wait");
    assert_eq!(next.text().await.unwrap(), "2");
}

type Kept = Arc<parking_lot::Mutex<Option<ExclusiveSession>>>;

/// Leaves its session to somebody else, and never answers.
async fn leave(
    State((inside, kept)): State<(Arc<Notify>, Kept)>,
    session: ExclusiveSession,
) -> Result<String, Error> {
    session.insert("n", &666)?;
    *kept.lock() = Some(session);
    inside.notify_one();
    std::future::pending().await
}

#[tokio::test]
async fn c37_who_keeps_the_session_of_a_dropped_request_keeps_no_lease() {
    let (inside, kept) = (Arc::new(Notify::new()), Kept::default());
    let app = Router::new()
        .route("/leave", get(leave))
        .with_state((inside.clone(), kept.clone()))
        .merge(routes());
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let leaving = visitor.clone();
    let request = tokio::spawn(async move { leaving.get("/leave").await });
    inside.notified().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(
        visitor.text("/count").await,
        "2",
        "a writer waits for a lease"
    );
    let session = kept.lock().take().unwrap();
    let late = session.insert("n", &666).unwrap_err();
    assert_eq!(late.kind(), SessionErrorKind::TooLate);
}

#[tokio::test]
async fn c16_a_panic_closes_the_connection_and_commits_nothing() {
    let panics = |session: ExclusiveSession| async move {
        session.insert("n", &666)?;
        assert!(session.is_new(), "the panic of this test");
        Ok::<_, Error>(())
    };
    let app = routes().route("/panics", get(panics));
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    let visitor = server.visitor();
    visitor.text("/count").await;
    let broken = visitor.client.get(server.url("/panics")).send().await;
    assert!(broken.is_err());
    assert_eq!(visitor.text("/count").await, "2");
}
