//! Requests that share a connection.

use std::sync::Arc;
use std::time::Duration;

use session_core::{LeaseUse, Load, Revision, Save, SessionStore, StoreErrorKind};

use crate::scripted::{FOUND, LIFETIME, Scripted, answer, assert_mirrored, body, key, record};

/// Hundreds of requests are on their way before the first is answered, on one connection.
#[tokio::test]
async fn requests_do_not_wait_for_answers() {
    const MANY: u32 = 300;
    let server = Scripted::start(|_, mut peer| async move {
        peer.greet().await?;
        let mut requests = Vec::new();
        for _ in 0..MANY {
            requests.push(peer.request().await?);
        }
        for request in requests {
            peer.answer(&request.mirrored()).await?;
        }
        peer.request().await.map(|_| ())
    })
    .await;
    let store = server.store();
    let loads: Vec<_> = (0..MANY)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { assert_mirrored(&store, key(number)).await })
        })
        .collect();
    for load in loads {
        load.await.unwrap();
    }
    assert_eq!(server.accepted(), 1);
}

/// Answers are put together from any pieces, and so are several answers in one piece.
#[tokio::test]
async fn answers_may_come_in_any_pieces() {
    for size in [1, 2, 3, 7, 50, 191, 1_000] {
        let server = Scripted::start(move |_, mut peer| async move {
            peer.greet().await?;
            let mut answers = Vec::new();
            for _ in 0..4 {
                answers.extend(peer.request().await?.mirrored());
            }
            for piece in answers.chunks(size) {
                peer.answer(piece).await?;
                tokio::task::yield_now().await;
            }
            peer.request().await.map(|_| ())
        })
        .await;
        let store = server.store();
        let load = |number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { assert_mirrored(&store, key(number)).await })
        };
        for load in [1, 2, 3, 4].map(load) {
            load.await.unwrap();
        }
    }
}

/// Existing servers send the bare status line that the specification's grammar shows.
#[tokio::test]
async fn bare_status_lines_are_accepted() {
    let server = Scripted::start(|_, mut peer| async move {
        loop {
            let whole = peer.request().await?.mirrored();
            peer.answer(whole.strip_prefix(b"HTTP/1.1 ").unwrap())
                .await?;
        }
    })
    .await;
    assert_mirrored(&server.store(), key(1)).await;
}

#[tokio::test]
async fn large_records_arrive_whole() {
    let payload: Vec<u8> = (0..5_000_000_u32).map(|number| number as u8).collect();
    let large = answer("200 OK", FOUND, &body(&payload));
    let server = Scripted::start(move |_, mut peer| {
        let large = large.clone();
        async move {
            peer.greet().await?;
            loop {
                peer.request().await?;
                peer.answer(&large).await?;
            }
        }
    })
    .await;
    let store = server.store();
    for _ in 0..2 {
        match Arc::clone(&store).load(key(1)).await.unwrap() {
            Load::Found(loaded) => assert_eq!(loaded.record.payload, payload),
            other => panic!("{other:?}"),
        }
    }
}

/// c50: whoever goes away, everybody else gets his own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c50_dropped_callers_leave_the_others_their_answers() {
    let server = Scripted::mirror().await;
    let store = server.store();
    let mut kept = Vec::new();
    for number in 0..3_000_u32 {
        let store = Arc::clone(&store);
        let load = tokio::spawn(async move { assert_mirrored(&store, key(number)).await });
        match number % 3 {
            0 => load.abort(),
            1 => {
                tokio::task::yield_now().await;
                load.abort();
            }
            _ => kept.push(load),
        }
    }
    for load in kept {
        load.await.unwrap();
    }
    assert_mirrored(&store, key(7)).await;
    assert_eq!(server.accepted(), 1);
}

/// A load is asked again if the connection breaks before its answer, once.
#[tokio::test]
async fn a_load_is_repeated_on_a_new_connection() {
    let server = Scripted::start(|number, mut peer| async move {
        peer.greet().await?;
        loop {
            let request = peer.request().await?;
            if number == 0 {
                return Ok(());
            }
            peer.answer(&request.mirrored()).await?;
        }
    })
    .await;
    assert_mirrored(&server.store(), key(1)).await;
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_load_is_repeated_once() {
    let server = Scripted::start(|_, mut peer| async move {
        peer.greet().await?;
        peer.request().await.map(|_| ())
    })
    .await;
    let error = server.store().load(key(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("phase: read"), "{error}");
    assert_eq!(server.accepted(), 2);
}

/// The server may have carried out a save whose answer is missing.
#[tokio::test]
async fn a_save_that_was_written_is_not_repeated() {
    let server = Scripted::start(|_, mut peer| async move {
        peer.greet().await?;
        peer.request().await.map(|_| ())
    })
    .await;
    let store = server.store();
    let save = store.save(
        key(1),
        Revision::FIRST,
        record(b"x"),
        LIFETIME,
        LeaseUse::None,
    );
    let error = save.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(server.accepted(), 1);
}

/// A server that is about to stop has not carried out what it answers 503.
#[tokio::test]
async fn a_save_that_a_draining_server_refused_is_repeated() {
    let server = Scripted::start(|number, mut peer| async move {
        peer.greet().await?;
        loop {
            let request = peer.request().await?;
            match number {
                0 => peer.answer(&answer("503 draining", "", b"")).await?,
                _ => peer.answer(&request.mirrored()).await?,
            }
        }
    })
    .await;
    let store = server.store();
    let save = store.save(
        key(1),
        Revision::FIRST,
        record(b"x"),
        LIFETIME,
        LeaseUse::None,
    );
    assert_eq!(save.await.unwrap(), Save::Saved(Revision::FIRST.next()));
    assert_eq!(server.accepted(), 2);
}

/// A server that says nothing any more is given up in bounded time, and found again when it
/// speaks.
#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    let server = Scripted::start(|number, mut peer| async move {
        peer.greet().await?;
        if number == 0 {
            peer.request().await?;
            std::future::pending::<()>().await;
        }
        peer.mirror().await
    })
    .await;
    let store = server.store_with("connections=1&operation-timeout=200ms");
    let asked = tokio::time::timeout(Duration::from_secs(5), Arc::clone(&store).load(key(1)));
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert!(
        error.to_string().contains("store.operation_timeout"),
        "{error}"
    );
    assert_mirrored(&store, key(1)).await;
}

/// What is no answer ends the connection, not the process, and does not reach a caller.
#[tokio::test]
async fn nonsense_is_unavailable() {
    for nonsense in [
        "+PONG\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "\r\n\r\n",
    ] {
        let server = Scripted::start(move |_, mut peer| async move {
            peer.greet().await?;
            peer.request().await?;
            peer.answer(nonsense.as_bytes()).await?;
            peer.request().await.map(|_| ())
        })
        .await;
        let error = server.store().load(key(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{nonsense}");
    }
}
