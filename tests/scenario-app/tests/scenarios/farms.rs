//! Several processes.

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
/// is as good as junk: no store is asked.
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
