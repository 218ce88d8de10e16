//! Several processes.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{Farm, Settings};

pub(crate) async fn c26_logout_on_every_instance(farm: &Farm) {
    let Some(site) = farm.open_shared("a logout that other instances see").await else {
        return;
    };
    let visitor = site.visitor_with("a", "b").await;
    let old = visitor.cookie().unwrap();
    visitor.post("/logout").await.ok();
    let replayed = site.bearer(&old);
    for _ in 0..2 * site.instances.len() {
        replayed.assert_anonymous().await;
        replayed.post("/set/a/c").await.ok().assert_no_cookie();
    }
}

/// A token of a process with the same ring is known as ours: the store is asked for it. In a
/// process with a store of its own there is no such session.
pub(crate) async fn c41_one_ring_two_processes(farm: &Farm) {
    let first = farm.open().await;
    let second = farm.open().await;
    let cookie = first.visitor_with("a", "b").await.cookie().unwrap();
    second.bearer(&cookie).get("/get/a").await;
    second
        .assert_store_calls(&[("load", 1)], "a well-signed token")
        .await;
}

/// With the same ring and store, a token under another cookie name or of another application
/// is as good as junk: no store is asked. S33.
pub(crate) async fn c43_other_names_and_apps_are_refused(farm: &Farm) {
    let site = farm.open().await;
    let token = site.visitor_with("a", "b").await.token();
    let other_name = |settings: Settings| settings.set("session.cookie.name", "other");
    let other_app = |settings: Settings| settings.set("session.app", "other");
    let other_purpose = |settings: Settings| {
        settings
            .set("session.transport", "header")
            .without("session.cookie.name")
            .without("session.cookie.insecure_allow_http")
            .set("session.header.name", crate::harness::COOKIE)
    };
    let named = farm.open_with(other_name).await;
    let sent = [
        (named.bearer(&format!("other={token}")), &named),
        (named.bearer(&format!("session={token}")), &named),
    ];
    for (client, site) in sent {
        client.assert_anonymous().await;
        site.assert_store_calls(&[], "a token under another name")
            .await;
    }
    let app = farm.open_with(other_app).await;
    app.bearer(&format!("session={token}"))
        .assert_anonymous()
        .await;
    app.assert_store_calls(&[], "a token of another application")
        .await;
    let purpose = farm.open_with(other_purpose).await;
    purpose.client("session", &token).assert_anonymous().await;
    purpose
        .assert_store_calls(&[], "a cookie's token in a header")
        .await;
}

/// The token of a key that this ring does not hold may be that of a newer ring. Until the ring
/// was read again the visitor is told to come back, and keeps the cookie; then it is foreign.
pub(crate) async fn c43_tokens_of_another_ring(farm: &Farm) {
    let elsewhere = farm.another();
    let foreign = elsewhere
        .open()
        .await
        .visitor_with("a", "b")
        .await
        .cookie()
        .unwrap();
    let site = farm.open().await;
    let client = site.bearer(&foreign);
    client.assert_anonymous().await;
    let mut answer = client.post("/set/a/c").await;
    while answer.status == 503 {
        answer.assert_no_cookie();
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        sleep(Duration::from_secs(seconds)).await;
        answer = client.post("/set/a/c").await;
    }
    let fresh = answer.ok().session_pair();
    assert_eq!(site.bearer(&fresh).value("a").await.as_deref(), Some("c"));
    client.assert_anonymous().await;
    let loads = site.store_calls().await.get("load").copied();
    assert_eq!(loads, Some(1), "the store was asked for a foreign token");
}
