//! The four extractors, alone and together.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use session_axum::{
    Error, ExclusiveSession, LiveSession, ReadOnlySession, Session, SessionRequestExt,
};
use session_core::testing::{Fault, Operation};
use session_core::{SessionErrorKind, StoreErrorKind};

use crate::support::{Server, Sessions, header, sets_cookie};

async fn write(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn read(session: ReadOnlySession) -> Result<String, Error> {
    Ok(session.get::<i64>("n")?.unwrap_or(-1).to_string())
}

async fn live(session: LiveSession) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn exclusive(session: ExclusiveSession) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "hello" }))
        .route("/write", get(write))
        .route("/read", get(read))
        .route("/live", get(live))
        .route("/exclusive", get(exclusive))
}

#[tokio::test]
async fn each_of_them_reads_or_writes_the_session() {
    let sessions = Sessions::default();
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    assert_eq!(visitor.text("/read").await, "-1");
    for (path, value, trips) in [
        ("/write", "1", "create 1"),
        ("/live", "2", "load 1, save 1"),
        ("/exclusive", "3", "acquire 1, save 1"),
        ("/read", "3", "load 1"),
        ("/untouched", "hello", ""),
    ] {
        assert_eq!(visitor.text(path).await, value);
        assert_eq!(sessions.trips(), trips, "{path}");
    }
}

#[tokio::test]
async fn c01_c02_c04_nothing_is_parsed_loaded_or_sent_when_nobody_asks() {
    let sessions = Sessions::default();
    let server = Server::start(routes().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    let untouched = visitor.get("/untouched").await;
    assert_eq!(
        (header(&untouched, "vary"), sets_cookie(&untouched)),
        (String::new(), false)
    );
    let read = visitor.get("/read").await;
    assert_eq!(
        (header(&read, "vary").as_str(), sets_cookie(&read)),
        ("Cookie", false)
    );
    assert_eq!(sessions.trips(), "");
    assert!(sets_cookie(&visitor.get("/write").await));
    let again = visitor.get("/write").await;
    assert!(!sets_cookie(&again), "the same token is not sent again");
    assert_eq!(header(&again, "vary"), "Cookie");
}

async fn several(a: ReadOnlySession, b: Session, c: LiveSession) -> Result<String, Error> {
    b.increment("n", 1)?;
    c.increment("n", 1)?;
    Ok(a.get::<i64>("n")?.unwrap_or(-1).to_string())
}

async fn several_and_alone(exclusive: ExclusiveSession, session: Session) -> Result<String, Error> {
    session.increment("n", 1)?;
    Ok(exclusive.increment("n", 1)?.to_string())
}

async fn looks_first(request: Request, next: Next) -> Result<Response, Error> {
    let session = request.read_only_session().await?;
    assert!(session.get::<i64>("n")?.is_some());
    Ok(next.run(request).await)
}

#[tokio::test]
async fn several_in_one_handler_share_one_load() {
    let sessions = Sessions::default();
    let app = routes()
        .route("/several", get(several))
        .route("/alone", get(several_and_alone));
    let server = Server::start(app.layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    visitor.text("/write").await;
    sessions.trips();
    assert_eq!(visitor.text("/several").await, "3", "they are one session");
    assert_eq!(sessions.trips(), "load 1, save 1");
    assert_eq!(visitor.text("/alone").await, "5");
    assert_eq!(sessions.trips(), "acquire 1, save 1");
}

#[tokio::test]
async fn middleware_that_looks_first_shares_the_handlers_load() {
    let sessions = Sessions::default();
    let inner = routes().layer(from_fn(looks_first));
    let app = Router::new().route("/first", get(write)).merge(inner);
    let server = Server::start(app.layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    visitor.text("/first").await;
    sessions.trips();
    assert_eq!(visitor.text("/write").await, "2");
    assert_eq!(sessions.trips(), "load 1, save 1");
    visitor.text("/untouched").await;
    assert_eq!(sessions.trips(), "load 1");
}

async fn option(session: Option<Session>) -> Result<String, Error> {
    session.map_or(Ok("nobody".to_owned()), |session| {
        Ok(session.increment("n", 1)?.to_string())
    })
}

async fn all_options(
    a: Option<ReadOnlySession>,
    b: Option<LiveSession>,
    c: Option<ExclusiveSession>,
) -> String {
    format!("{} {} {}", a.is_some(), b.is_some(), c.is_some())
}

async fn result(session: Result<Session, Error>) -> String {
    session.map_or_else(|error| format!("{:?}", error.kind()), |_| "fine".to_owned())
}

async fn all_results(
    a: Result<ReadOnlySession, Error>,
    b: Result<LiveSession, Error>,
    c: Result<ExclusiveSession, Error>,
) -> String {
    format!("{} {} {}", a.is_ok(), b.is_ok(), c.is_ok())
}

fn lenient() -> Router {
    routes()
        .route("/option", get(option))
        .route("/options", get(all_options))
        .route("/result", get(result))
        .route("/results", get(all_results))
}

#[tokio::test]
async fn as_an_option_they_are_none_for_visitors_without_a_session() {
    let sessions = Sessions::default();
    let server = Server::start(lenient().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    assert_eq!(visitor.text("/option").await, "nobody");
    assert_eq!(visitor.text("/options").await, "false false false");
    visitor.text("/write").await;
    assert_eq!(visitor.text("/option").await, "2");
    assert_eq!(visitor.text("/options").await, "true true true");
}

#[tokio::test]
async fn a_store_that_is_down_is_503_unless_the_handler_decides_itself() {
    let sessions = Sessions::default();
    let server = Server::start(lenient().layer(sessions.layer.clone())).await;
    let visitor = server.visitor();
    visitor.text("/write").await;
    let down = Fault::error(StoreErrorKind::Refused);
    for operation in [Operation::Load, Operation::Acquire] {
        sessions.faults.inject(down.clone().on(operation));
    }
    for path in ["/read", "/write", "/live", "/exclusive", "/option"] {
        let response = visitor.get(path).await;
        assert_eq!(response.status(), 503, "{path}");
        assert_eq!(header(&response, "retry-after"), "1");
        assert!(!sets_cookie(&response), "n27");
        assert_eq!(response.text().await.unwrap(), "", "the cause is for logs");
    }
    assert_eq!(visitor.text("/result").await, "Unavailable");
    assert_eq!(visitor.text("/results").await, "false false false");
    assert_eq!(visitor.text("/untouched").await, "hello");
    sessions.faults.heal();
    assert_eq!(visitor.text("/write").await, "2", "nothing was overwritten");
}

#[tokio::test]
async fn without_a_layer_they_answer_500_and_say_what_to_add() {
    let server = Server::start(lenient()).await;
    let visitor = server.visitor();
    for path in ["/read", "/write", "/live", "/exclusive", "/option"] {
        let response = visitor.get(path).await;
        assert_eq!(response.status(), 500, "{path}");
        assert_eq!(response.text().await.unwrap(), "");
    }
    assert_eq!(visitor.text("/result").await, "LayerMissing");
    let request = Request::new(());
    let error = request.session().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::LayerMissing);
    assert!(
        error.to_string().contains(".layer(SessionLayer::new"),
        "{error}"
    );
}

async fn fails(session: Session) -> Result<String, Error> {
    session.insert("n", &1)?;
    Ok(session.get::<String>("n")?.unwrap_or_default())
}

async fn fails_in_core(session: Session) -> Result<String, Error> {
    fn name(session: &session_core::Session) -> Result<Option<String>, session_core::SessionError> {
        session.insert("n", &1)?;
        session.get("n")
    }
    Ok(name(&session)?.unwrap_or_default())
}

#[tokio::test]
async fn the_question_mark_turns_errors_into_responses() {
    let app = Router::new()
        .route("/fails", get(fails))
        .route("/core", get(fails_in_core));
    let server = Server::start(app.layer(Sessions::default().layer)).await;
    for path in ["/fails", "/core"] {
        let response = server.visitor().get(path).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.text().await.unwrap(), "");
    }
}
