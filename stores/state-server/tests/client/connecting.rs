//! Connections that come to nothing, and what the errors say.

use std::sync::Arc;
use std::time::Duration;

use session_core::{SessionStore, StoreError, StoreErrorKind};
use session_store_state_server::StateServerStore;
use tokio::net::TcpListener;

use crate::scripted::{Scripted, answer, assert_mirrored, key};

fn store(url: &str) -> Arc<StateServerStore> {
    Arc::new(StateServerStore::builder(url).unwrap().build())
}

async fn failure(store: Arc<StateServerStore>) -> StoreError {
    let asked = tokio::time::timeout(Duration::from_secs(5), store.load(key(1)));
    asked.await.expect("no answer in bounded time").unwrap_err()
}

fn assert_says(error: &StoreError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = failure(store(&format!(
        "state-server://{address}?connect-timeout=100ms"
    )))
    .await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_says(&error, &[&address, "phase: connect", "store.url"]);
}

#[tokio::test]
async fn the_host_has_no_address() {
    let error = failure(store("state-server://no-such-host.invalid:4242")).await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let words = ["no-such-host.invalid:4242", "phase: resolve", "store.url"];
    assert_says(&error, &words);
}

#[cfg(unix)]
#[tokio::test]
async fn there_is_no_socket() {
    let error = failure(store(
        "state-server+unix:///nowhere/x.sock?connect-timeout=50ms",
    ))
    .await;
    assert_says(&error, &["/nowhere/x.sock", "phase: connect", "store.url"]);
}

#[tokio::test]
async fn nobody_answers_the_greeting() {
    let server = Scripted::start(|_, peer| async move {
        std::future::pending::<()>().await;
        drop(peer);
        Ok(())
    })
    .await;
    let error = failure(server.store_with("connect-timeout=100ms")).await;
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert_says(
        &error,
        &[&server.address, "phase: token", "store.connect_timeout"],
    );
}

#[tokio::test]
async fn a_foreign_server_is_refused() {
    let server = Scripted::start(|_, mut peer| async move {
        peer.request().await?;
        peer.answer(b"404 Not Found\r\nX-AspNet-Version: 4.0.30319\r\n\r\n")
            .await?;
        peer.request().await.map(|_| ())
    })
    .await;
    let error = failure(server.store()).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_says(
        &error,
        &[&server.address, "protocol=ms-asp", "Session-Protocol"],
    );
}

/// Demands the token `secret`.
async fn guarded() -> Scripted {
    Scripted::start(|_, mut peer| async move {
        let greeting = peer.request().await?;
        if !greeting.head.contains("Authorization: Bearer secret\r\n") {
            return peer.answer(&answer("401 Unauthorized", "", b"")).await;
        }
        peer.answer(&greeting.mirrored()).await?;
        loop {
            let request = peer.request().await?;
            if request.head.contains("secret") {
                return Ok(());
            }
            peer.answer(&request.mirrored()).await?;
        }
    })
    .await
}

#[tokio::test]
async fn a_token_is_shown_once_on_every_connection() {
    let server = guarded().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    let store = server.store_with(&format!("token-file={}", file.display()));
    for number in 0..4 {
        assert_mirrored(&store, key(number)).await;
    }
    assert!(!format!("{store:?}").contains("secret"));
}

#[tokio::test]
async fn a_wrong_or_missing_token_is_refused() {
    let server = guarded().await;
    let error = failure(server.store()).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_says(
        &error,
        &[&server.address, "phase: token", "set store.token_file"],
    );

    let url = format!("state-server://{}", server.address);
    let builder = StateServerStore::builder(&url).unwrap();
    let wrong = builder.token("wrong").unwrap().build();
    let error = failure(Arc::new(wrong)).await;
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert_says(&error, &["refuses our token", "store.token_file"]);
}

/// A restart that is quicker than the connect timeout fails nobody.
#[tokio::test]
async fn requests_wait_for_a_server_that_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let store = store(&format!("state-server://{address}?connect-timeout=5s"));
    let asked = tokio::spawn(async move { assert_mirrored(&store, key(1)).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!asked.is_finished());
    let listener = TcpListener::bind(address).await.unwrap();
    let _server = Scripted::start_on(listener, |_, mut peer| async move { peer.mirror().await });
    asked.await.unwrap();
}
