//! Sessions of clients that keep the token themselves and send it in a header.

use crate::harness::{Farm, Settings, Site};

const HEADER: &str = "session-token";

fn by_header(settings: Settings) -> Settings {
    settings
        .set("session.transport", "header")
        .without("session.cookie.name")
        .without("session.cookie.insecure_allow_http")
}

fn by_both(settings: Settings) -> Settings {
    settings.set("session.transport", "both")
}

/// The token of a new session in which `key` is `value`, answered in the header.
async fn token(site: &Site, key: &str, value: &str) -> String {
    // An empty header says that the client wants one.
    let path = format!("/set/{key}/{value}");
    let answer = site.client(HEADER, "").post(&path).await.ok();
    answer.assert_no_cookie();
    answer.header(HEADER).unwrap().to_owned()
}

pub(crate) async fn header_carries_the_session(farm: &Farm) {
    let site = farm.open_with(by_header).await;
    let first = site.visitor().post("/set/a/b").await.ok();
    first.assert_no_cookie();
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.header("vary"), Some(HEADER));
    let client = site.client(HEADER, first.header(HEADER).unwrap());
    let read = client.get("/get/a").await.ok();
    assert_eq!(read.body, "b");
    assert_eq!(read.header(HEADER), None);
    let renewed = client.post("/renew").await.ok();
    let new = renewed.header(HEADER).unwrap();
    client.assert_anonymous().await;
    assert_eq!(
        site.client(HEADER, new).value("a").await.as_deref(),
        Some("b")
    );
}

pub(crate) async fn header_is_emptied_at_logout(farm: &Farm) {
    let site = farm.open_with(by_header).await;
    let client = site.client(HEADER, &token(&site, "a", "b").await);
    let answer = client.post("/logout").await.ok();
    answer.assert_no_cookie();
    assert_eq!(answer.header(HEADER), Some(""));
    client.assert_anonymous().await;
    let late = client.post("/set/a/c").await.ok();
    assert_eq!(late.header(HEADER), None);
}

/// S22.
pub(crate) async fn header_only_reads_no_cookie(farm: &Farm) {
    let site = farm.open_with(by_header).await;
    let token = token(&site, "a", "b").await;
    site.reset_store_calls().await;
    site.bearer(&format!("session={token}; {HEADER}={token}"))
        .assert_anonymous()
        .await;
    site.assert_store_calls(&[], "a cookie that is not configured")
        .await;
}

/// S22.
pub(crate) async fn cookie_only_reads_no_header(farm: &Farm) {
    let site = farm.open().await;
    let token = site.visitor_with("a", "b").await.token();
    site.reset_store_calls().await;
    site.client(HEADER, &token).assert_anonymous().await;
    site.assert_store_calls(&[], "a header that is not configured")
        .await;
}

pub(crate) async fn both_answer_in_kind(farm: &Farm) {
    let site = farm.open_with(by_both).await;
    let browser = site.visitor();
    let answer = browser.post("/set/a/b").await.ok();
    answer.session_line();
    assert_eq!(answer.header(HEADER), None);
    assert_eq!(answer.header("vary"), Some("Cookie, session-token"));
    let client = site.client(HEADER, &token(&site, "a", "c").await);
    assert_eq!(client.value("a").await.as_deref(), Some("c"));
    assert_eq!(browser.value("a").await.as_deref(), Some("b"));
    // A token is junk in the other carrier.
    site.client(HEADER, &browser.token())
        .assert_anonymous()
        .await;
}

/// A client that got rid of its cookie's session and keeps the header's goes on with that one.
pub(crate) async fn both_of_one_session_are_one(farm: &Farm) {
    let site = farm.open_with(by_both).await;
    let kept = token(&site, "a", "header").await;
    let browser = site.visitor_with("a", "cookie").await;
    let dead = browser.cookie().unwrap();
    browser.post("/logout").await.ok();
    let both = site.client(HEADER, &kept).with_cookie(&dead);
    assert_eq!(both.value("a").await.as_deref(), Some("header"));
}

pub(crate) async fn both_of_two_sessions_are_ambiguous(farm: &Farm) {
    let site = farm.open_with(by_both).await;
    let kept = token(&site, "a", "header").await;
    let cookie = site.visitor_with("a", "cookie").await.cookie().unwrap();
    let both = site.client(HEADER, &kept).with_cookie(&cookie);
    both.assert_anonymous().await;
    let refused = both.post("/set/a/b").await.expect(409);
    refused.assert_no_cookie();
    assert_eq!(refused.header(HEADER), None);
}
