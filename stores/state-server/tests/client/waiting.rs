//! Waiting for a lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{Acquire, SessionStore};

use crate::scripted::{Scripted, answer, assert_mirrored, key};

/// A server whose leases are all taken, for whoever waits until `open` is not zero. Counts those
/// who wait.
async fn leased(open: Arc<AtomicUsize>, waiting: Arc<AtomicUsize>) -> Scripted {
    Scripted::start(move |_, mut peer| {
        let (open, waiting) = (Arc::clone(&open), Arc::clone(&waiting));
        async move {
            loop {
                let request = peer.request().await?;
                if !request.head.contains("Exclusive: acquire") {
                    peer.answer(&request.mirrored()).await?;
                } else if !request.head.contains("Session-Wait: ") {
                    peer.answer(&answer("423 Locked", "", b"")).await?;
                } else {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    let mut gone = [0; 1];
                    while open.load(Ordering::SeqCst) == 0 {
                        let pause = Duration::from_millis(1);
                        let peek = tokio::time::timeout(pause, peer.stream.peek(&mut gone));
                        if matches!(peek.await, Ok(Ok(0) | Err(_))) {
                            waiting.fetch_sub(1, Ordering::SeqCst);
                            return Ok(());
                        }
                    }
                    peer.answer(&request.mirrored()).await?;
                }
            }
        }
    })
    .await
}

async fn until(counter: &AtomicUsize, value: usize) {
    while counter.load(Ordering::SeqCst) != value {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn who_waits_holds_up_nobody() {
    let (open, waiting) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let server = leased(Arc::clone(&open), Arc::clone(&waiting)).await;
    let store = server.store();
    let long = Duration::from_secs(60);
    let waiters: Vec<_> = (0..5)
        .map(|_| tokio::spawn(Arc::clone(&store).acquire(key(1), long, long)))
        .collect();
    until(&waiting, 5).await;
    for number in 0..50 {
        assert_mirrored(&store, key(number)).await;
    }
    open.store(1, Ordering::SeqCst);
    for waiter in waiters {
        let acquired = waiter.await.unwrap().unwrap();
        assert!(matches!(acquired, Acquire::Acquired(..)), "{acquired:?}");
    }
    // Their connections are used again.
    let before = server.accepted();
    Arc::clone(&store)
        .acquire(key(1), long, long)
        .await
        .unwrap();
    assert_eq!(server.accepted(), before);
}

/// The server learns by the end of the connection that nobody waits any more.
#[tokio::test]
async fn a_dropped_waiter_leaves_the_queue() {
    let (open, waiting) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let server = leased(Arc::clone(&open), Arc::clone(&waiting)).await;
    let store = server.store();
    let long = Duration::from_secs(60);
    let waiter = tokio::spawn(Arc::clone(&store).acquire(key(1), long, long));
    until(&waiting, 1).await;
    waiter.abort();
    until(&waiting, 0).await;
}

#[tokio::test]
async fn waiters_beyond_the_connections_queue_up() {
    let (open, waiting) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let server = leased(Arc::clone(&open), Arc::clone(&waiting)).await;
    let store = server.store_with("waiting-connections=2");
    let long = Duration::from_secs(60);
    let wait = |wait| tokio::spawn(Arc::clone(&store).acquire(key(1), long, wait));
    let first = wait(long);
    let second = wait(long);
    until(&waiting, 2).await;
    let brief = wait(Duration::from_millis(50));
    let third = wait(long);
    assert_eq!(brief.await.unwrap().unwrap(), Acquire::Busy);
    open.store(1, Ordering::SeqCst);
    for waiter in [first, second, third] {
        let acquired = waiter.await.unwrap().unwrap();
        assert!(matches!(acquired, Acquire::Acquired(..)), "{acquired:?}");
    }
}
