//! Instances of one farm whose key rings differ.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use reqwest::Response;
use session_axum::{Error, ReadOnlySession, Session, SessionLayer};
use session_core::testing::{Counts, Intercepted};
use session_core::{
    KeyRing, MachineKey, NotReady, Scope, SessionConfig, SessionErrorKind, SessionStore,
};
use session_store_memory::MemoryStore;

use crate::support::{Server, Visitor, header, sets_cookie};

async fn count(session: Session) -> Result<String, Error> {
    Ok(session.increment("n", 1)?.to_string())
}

async fn read(session: ReadOnlySession) -> Result<String, Error> {
    Ok(session.get::<i64>("n")?.unwrap_or(-1).to_string())
}

/// A handler that goes on without a session.
async fn lenient(session: Result<Session, Error>) -> String {
    match session {
        Ok(_) => "session".to_owned(),
        Err(error) => error.kind().as_str().to_owned(),
    }
}

/// A store that all instances of a test see.
fn shared_store() -> Arc<dyn SessionStore> {
    let memory = Arc::new(MemoryStore::default());
    Arc::new(Intercepted::new(memory, Counts::default()).claiming(Scope::Shared))
}

fn layer(store: &Arc<dyn SessionStore>, keys: &[&MachineKey]) -> SessionLayer {
    let tokens = keys.iter().map(|key| key.to_text().as_str().to_owned());
    let config = SessionConfig::builder("shop")
        .cookie(|cookie| cookie.name("session").insecure_allow_http(true));
    let ring = KeyRing::from_tokens(tokens).unwrap();
    SessionLayer::new(config.build().unwrap(), ring, store.clone()).unwrap()
}

async fn serve(layer: SessionLayer) -> Server {
    let routes = Router::new()
        .route("/count", get(count))
        .route("/read", get(read))
        .route("/lenient", get(lenient))
        .route("/plain", get(async || "plain"));
    Server::start(routes.layer(layer)).await
}

fn key() -> MachineKey {
    MachineKey::generate().unwrap()
}

/// The same browser at another instance.
fn at(server: &Server, visitor: &Visitor) -> Visitor {
    let mut there = server.visitor();
    there.client = visitor.client.clone();
    there
}

async fn assert_unavailable(response: Response) {
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(header(&response, "retry-after"), "1");
    assert!(!sets_cookie(&response));
    assert_eq!(response.text().await.unwrap(), "", "clients get no cause");
}

#[tokio::test]
async fn c41_a_cookie_of_a_key_that_only_this_instance_lacks_is_answered_503_and_kept() {
    let (old, new) = (key(), key());
    let store = shared_store();
    let outdated = layer(&store, &[&old]);
    let engine = outdated.engine().clone();
    engine.ready().await.unwrap();
    let outdated = serve(outdated).await;
    let current = serve(layer(&store, &[&new, &old])).await;
    let visitor = current.visitor();
    assert_eq!(visitor.text("/count").await, "1");
    let astray = at(&outdated, &visitor);
    for path in ["/count", "/read", "/count"] {
        assert_unavailable(astray.get(path).await).await;
    }
    assert_eq!(astray.text("/lenient").await, "unknown_key");
    assert_eq!(astray.text("/plain").await, "plain");
    assert!(matches!(engine.ready().await, Err(NotReady::Behind(_))));
    assert_eq!(visitor.text("/count").await, "2", "the cookie is as it was");
}

#[tokio::test]
async fn c44_an_instance_with_another_ring_serves_no_session_and_everything_else() {
    let store = shared_store();
    let first = serve(layer(&store, &[&key()])).await;
    let visitor = first.visitor();
    assert_eq!(visitor.text("/count").await, "1");
    let stranger = serve(layer(&store, &[&key()])).await;
    let astray = at(&stranger, &visitor);
    for path in ["/count", "/read"] {
        assert_unavailable(astray.get(path).await).await;
        assert_unavailable(stranger.visitor().get(path).await).await;
    }
    let kind = SessionErrorKind::KeyRingDrift.as_str();
    assert_eq!(astray.text("/lenient").await, kind);
    assert_eq!(astray.text("/plain").await, "plain");
    assert_eq!(visitor.text("/count").await, "2", "the cookie is as it was");
}
