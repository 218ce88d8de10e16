//! Clients that were given different lists of servers.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Acquire, EndReason, Load, SessionStore, StoreError, StoreErrorKind, StoreKey};
use session_store_state_server::StateServerStore;

use crate::farm::{ask, create, key, load, serve, store};

fn assert_names(error: &StoreError, words: &[&str]) {
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

async fn ping(store: &Arc<StateServerStore>) -> Result<(), StoreError> {
    Arc::clone(store).ping().await.map(|_| ())
}

#[tokio::test]
async fn the_order_of_the_list_does_not_matter() {
    let (a, b) = (serve().await, serve().await);
    let one = store(&[&a, &b], "");
    create(&one, key(1)).await;
    let other = store(&[&b, &a], "");
    ping(&other).await.unwrap();
    assert!(matches!(load(&other, key(1)).await, Ok(Load::Found(_))));
}

#[tokio::test]
async fn another_list_is_refused_and_both_are_named() {
    let (a, b, c) = (serve().await, serve().await, serve().await);
    ping(&store(&[&a, &b], "")).await.unwrap();
    for other in [store(&[&a, &c], ""), store(&[&a], "")] {
        let error = ping(&other).await.unwrap_err();
        assert_names(&error, &["store.url", "store.previous", &a]);
    }
    let error = ping(&store(&[&b, &c, &a], "")).await.unwrap_err();
    assert_names(&error, &["store.url", &c]);
    let mut sorted = [&*a, &*b];
    sorted.sort_unstable();
    assert_names(&error, &[&sorted.join(",")]);
}

/// A connection that was open before the list changed does not hide the change.
#[tokio::test]
async fn a_miss_is_none_after_the_list_has_changed() {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    create(&former, key(1)).await;
    assert!(matches!(load(&former, key(2)).await, Ok(Load::Absent)));

    let next = store(&[&a, &b], &format!("previous={a}"));
    ping(&next).await.unwrap();
    assert!(matches!(load(&former, key(1)).await, Ok(Load::Found(_))));
    let error = load(&former, key(2)).await.unwrap_err();
    assert_names(&error, &[&a, &b, "store.url"]);
    let deleted = Arc::clone(&former).delete(key(2), EndReason::Destroyed);
    assert!(deleted.await.is_err());
}

/// A session that has moved on leaves the same trace as one that was renewed.
#[tokio::test]
async fn a_session_that_has_moved_on_has_not_ended() {
    let (a, b, c) = (serve().await, serve().await, serve().await);
    ping(&store(&[&a], "")).await.unwrap();
    let next = store(&[&a, &b], &format!("previous={a}"));
    let last = store(&[&a, &b, &c], &format!("previous={a},{b}"));
    let goes_on = |key: &StoreKey| {
        let route = key.route();
        next.endpoint(route) == 1 && last.endpoint(route) == 2
    };
    let key = (0..).map(key).find(goes_on).unwrap();
    create(&next, key).await;
    assert!(matches!(load(&last, key).await, Ok(Load::Found(_))));
    let error = load(&next, key).await.unwrap_err();
    assert_names(&error, &[&c, "store.url"]);
}

/// Who waits for a lease does so on a connection that was open before the list changed.
#[tokio::test]
async fn a_wait_that_ends_because_the_session_moves_is_an_error() {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    create(&former, key(1)).await;
    let take = "Exclusive: acquire\r\nSession-Lease: 60000\r\n";
    assert_eq!(ask(&a, "GET", key(1), take).await, 200);
    let long = Duration::from_secs(60);
    let waiting = tokio::spawn(Arc::clone(&former).acquire(key(1), long, long));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());

    let next = store(&[&a, &b], &format!("previous={a}"));
    ping(&next).await.unwrap();
    // As the last step of a move does.
    let renewed = "Session-Ended: renewed\r\n";
    assert_eq!(ask(&a, "DELETE", key(1), renewed).await, 200);
    let waited: Result<Acquire, _> = waiting.await.unwrap();
    assert_names(&waited.unwrap_err(), &[&b, "store.url"]);
}
