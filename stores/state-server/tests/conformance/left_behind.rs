//! With the published protocol alone: locks whose holder has died.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Load, SessionStore, StoreErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::farm::{create, key, load, serve, store};

const DIGEST: &str = "Jp4u36fS19iGYDQXGHUbJkAtiYPBp4VEC6uOTS1ZR%2fU%3d";

/// Locks the session as a client does that then dies.
async fn lock(server: &str) {
    let digits: String = key(1)
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let request =
        format!("GET session-store({DIGEST})%2f{digits} HTTP/1.1\r\nExclusive: acquire\r\n\r\n");
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = [0; 15];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_was_left_behind_is_broken() {
    let server = serve().await;
    let store = store(&[&server], "protocol=ms-asp&operation-timeout=300ms");
    create(&store, key(1)).await;
    lock(&server).await;
    let error = load(&store, key(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");

    let began = Instant::now();
    while load(&store, key(1)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    let touch = Arc::clone(&store).touch(key(1)).await;
    assert!(touch.is_ok(), "{touch:?}");
    assert!(matches!(load(&store, key(1)).await, Ok(Load::Found(_))));
}
