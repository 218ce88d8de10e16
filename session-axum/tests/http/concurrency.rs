//! Many requests of one visitor at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use session_axum::{Error, ExclusiveSession, ReadOnlySession, Session};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use crate::support::{Server, Sessions, Visitor, sets_cookie};

#[derive(Clone)]
struct Shared {
    both: Arc<Barrier>,
    inside: Arc<AtomicU32>,
    entered: Arc<Notify>,
    go: Arc<Notify>,
}

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn number(session: ReadOnlySession, Path(key): Path<String>) -> Result<String, Error> {
    Ok(session.get::<i64>(&key)?.unwrap_or(-1).to_string())
}

async fn log_out(session: Session) -> Result<(), Error> {
    Ok(session.destroy()?)
}

async fn renew(session: Session) -> Result<(), Error> {
    Ok(session.renew()?)
}

/// Writes when both requests have loaded the session.
async fn both(
    State(shared): State<Shared>,
    Path(key): Path<String>,
    session: Session,
) -> Result<(), Error> {
    shared.both.wait().await;
    Ok(session.insert(&key, &1)?)
}

/// Two of these are inside at once, or it never answers.
async fn overlapping(State(shared): State<Shared>, _: ReadOnlySession) {
    shared.both.wait().await;
}

async fn alone(State(shared): State<Shared>, session: ExclusiveSession) -> Result<String, Error> {
    let others = shared.inside.fetch_add(1, Ordering::SeqCst);
    let n = session.get::<i64>("n")?.unwrap_or(0);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    // A plain insert, which two at a time would lose.
    session.insert("n", &(n + 1))?;
    shared.inside.fetch_sub(1, Ordering::SeqCst);
    Ok(others.to_string())
}

/// Loads the session, says so, and goes on when it may.
async fn slow(State(shared): State<Shared>, session: Session) -> Result<(), Error> {
    shared.entered.notify_one();
    shared.go.notified().await;
    Ok(session.insert("slow", &1)?)
}

async fn slow_reader(State(shared): State<Shared>, session: ReadOnlySession) -> String {
    shared.entered.notify_one();
    shared.go.notified().await;
    session.is_new().to_string()
}

async fn server() -> (Server, Shared) {
    let shared = Shared {
        both: Arc::new(Barrier::new(2)),
        inside: Arc::default(),
        entered: Arc::default(),
        go: Arc::default(),
    };
    let app = Router::new()
        .route("/both/{key}", get(both))
        .route("/overlapping", get(overlapping))
        .route("/alone", get(alone))
        .route("/slow", get(slow))
        .route("/slow-reader", get(slow_reader))
        .with_state(shared.clone())
        .route("/count", get(count))
        .route("/number/{key}", get(number))
        .route("/logout", get(log_out))
        .route("/renew", get(renew));
    let sessions = Sessions::default();
    (Server::start(app.layer(sessions.layer)).await, shared)
}

async fn known(server: &Server) -> Visitor {
    let visitor = server.visitor();
    visitor.text("/count").await;
    visitor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c29_n01_parallel_writes_of_different_keys_are_both_kept() {
    let (server, _) = server().await;
    let visitor = known(&server).await;
    for round in 0..50 {
        let (a, b) = (format!("/both/a{round}"), format!("/both/b{round}"));
        let (a, b) = tokio::join!(visitor.get(&a), visitor.get(&b));
        assert_eq!((a.status().as_u16(), b.status().as_u16()), (200, 200));
        assert_eq!(visitor.text(&format!("/number/a{round}")).await, "1");
        assert_eq!(visitor.text(&format!("/number/b{round}")).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c30_n02_a_thousand_parallel_increments_are_a_thousand() {
    let (server, _) = server().await;
    let visitor = known(&server).await;
    let mut connections = JoinSet::new();
    for _ in 0..50 {
        let visitor = visitor.clone();
        connections.spawn(async move {
            for _ in 0..20 {
                assert_eq!(visitor.status("/count").await, 200);
            }
        });
    }
    while let Some(connection) = connections.join_next().await {
        connection.unwrap();
    }
    assert_eq!(visitor.text("/number/n").await, "1001");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c35_exclusive_requests_do_not_overlap() {
    let (server, _) = server().await;
    let visitor = known(&server).await;
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let visitor = visitor.clone();
        requests.spawn(async move { visitor.text("/alone").await });
    }
    while let Some(others) = requests.join_next().await {
        assert_eq!(others.unwrap(), "0");
    }
    assert_eq!(visitor.text("/number/n").await, "101");
}

#[tokio::test]
async fn c35_read_only_requests_overlap() {
    let (server, _) = server().await;
    let visitor = known(&server).await;
    let one = visitor.get("/overlapping");
    let (one, two) = tokio::join!(one, visitor.get("/overlapping"));
    assert_eq!((one.status().as_u16(), two.status().as_u16()), (200, 200));
}

/// A slow request during which another one happens; the slow one's status and whether it sets a
/// cookie. The visitor of the slow one keeps its old cookie.
async fn during(slow: &'static str, other: &str) -> (Server, Visitor, u16, bool) {
    let (server, shared) = server().await;
    let visitor = known(&server).await;
    let waiting = visitor.clone();
    let waiting = tokio::spawn(async move { waiting.get(slow).await });
    shared.entered.notified().await;
    visitor.text(other).await;
    shared.go.notify_one();
    let response = waiting.await.unwrap();
    let (status, cookie) = (response.status().as_u16(), sets_cookie(&response));
    (server, visitor, status, cookie)
}

#[tokio::test]
async fn c31_n03_a_fast_writer_beside_a_slow_reader_wins() {
    let (_server, visitor, status, cookie) = during("/slow-reader", "/count").await;
    assert_eq!((status, cookie), (200, false));
    assert_eq!(visitor.text("/number/n").await, "2");
}

#[tokio::test]
async fn c32_n04_a_logout_during_a_slow_writer_stays_a_logout() {
    let (_server, visitor, status, cookie) = during("/slow", "/logout").await;
    assert_eq!((status, cookie), (200, false));
    assert_eq!(visitor.text("/number/slow").await, "-1");
}

#[tokio::test]
async fn c33_n05_a_logout_during_a_slow_reader_stays_a_logout() {
    let (_server, visitor, status, cookie) = during("/slow-reader", "/logout").await;
    assert_eq!((status, cookie), (200, false));
    assert_eq!(visitor.text("/number/n").await, "-1");
}

#[tokio::test]
async fn c34_n07_a_renew_during_a_slow_writer_tells_the_writer() {
    let (_server, visitor, status, cookie) = during("/slow", "/renew").await;
    assert_eq!((status, cookie), (409, false));
    assert_eq!(visitor.text("/number/slow").await, "-1");
    assert_eq!(visitor.text("/number/n").await, "1");
}
