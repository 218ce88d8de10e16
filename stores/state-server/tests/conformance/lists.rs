//! Clients that were given different lists of servers.

use std::sync::Arc;

use session_core::{EndReason, Load, SessionStore, StoreError, StoreErrorKind};
use session_store_state_server::StateServerStore;

use crate::farm::{create, key, load, serve, store};

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
