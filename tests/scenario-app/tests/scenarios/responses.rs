//! What is committed, by the kind of response.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::harness::{Farm, Settings, wire};

pub(crate) async fn c16_every_status_commits(farm: &Farm) {
    let site = farm.open().await;
    for status in [200, 204, 205, 304, 400, 404, 422, 500, 503] {
        let visitor = site.visitor();
        let path = format!("/debug/status/{status}/a/first");
        let answer = visitor.get(&path).await.expect(status);
        assert_eq!(answer.body, "");
        answer.session_line();
        assert_eq!(
            visitor.value("a").await.as_deref(),
            Some("first"),
            "{status}"
        );
        let path = format!("/debug/status/{status}/a/second");
        visitor.get(&path).await.expect(status).assert_no_cookie();
        assert_eq!(
            visitor.value("a").await.as_deref(),
            Some("second"),
            "{status}"
        );
    }
    let visitor = site.visitor();
    visitor
        .get("/redirect/a/first")
        .await
        .expect(303)
        .session_line();
    assert_eq!(visitor.value("a").await.as_deref(), Some("first"));
}

pub(crate) async fn c16_head_commits(farm: &Farm) {
    let site = farm.open().await;
    let address = site.address();
    let answer = wire::request(address, "HEAD", "/debug/status/200/a/b", &[])
        .await
        .ok();
    let cookie = answer.session_pair();
    assert_eq!(answer.body, "");
    assert_eq!(site.bearer(&cookie).value("a").await.as_deref(), Some("b"));
}

/// N8.
pub(crate) async fn c16_panic_commits_nothing(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    visitor.get("/panic").await.expect(500).assert_no_cookie();
    assert_eq!(site.sessions().await, 0);
    let visitor = site.visitor_with("a", "b").await;
    visitor.get("/panic").await.expect(500).assert_no_cookie();
    assert_eq!(visitor.value("panic").await, None);
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

/// A request whose client hung up commits nothing, and gives back its lease long before it would
/// have ended.
pub(crate) async fn c16_dropped_request_commits_nothing(farm: &Farm) {
    const LENGTH: Duration = Duration::from_millis(700);
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let line = format!("Cookie: {}", visitor.cookie().unwrap());
    for (operation, route) in [("load", "set"), ("acquire", "exclusive-set")] {
        let path = format!("/{route}/a/lost?delay_ms={}", LENGTH.as_millis());
        site.reset_store_calls().await;
        let begun = site.until_called(operation, 1);
        wire::hang_up(site.address(), "POST", &path, line.as_bytes(), begun).await;
        let started = Instant::now();
        visitor.get("/exclusive").await.ok();
        assert!(started.elapsed() < LENGTH, "{route}: the lease was kept");
        sleep(LENGTH).await;
        assert_eq!(visitor.value("a").await.as_deref(), Some("b"), "{route}");
    }
}

pub(crate) async fn c17_streams_commit_before_the_head(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let answer = visitor.get("/stream?delay_ms=50").await.ok();
    answer.session_line();
    let refused = "head\ninsert refused\nrenew refused\ndestroy refused\n";
    assert_eq!(answer.body, refused);
    assert_eq!(visitor.value("early").await.as_deref(), Some("1"));
    assert_eq!(visitor.value("late").await, None);

    // The first write is there while the body is still being sent.
    let unread = visitor.open("/stream?delay_ms=60000").await;
    visitor.post("/increment/n").await.ok();
    assert_eq!(visitor.value("early").await.as_deref(), Some("1"));
    drop(unread);
}

pub(crate) async fn c18_oversize_session_is_an_error(farm: &Farm) {
    let small = |settings: Settings| settings.set("session.limits.max_payload", "1KiB");
    let site = farm.open_with(small).await;
    let visitor = site.visitor();
    let large = "x".repeat(2000);
    let path = "/debug/body/a";
    visitor
        .post_body(path, &large)
        .await
        .expect(500)
        .assert_no_cookie();
    assert_eq!(site.sessions().await, 0);
    visitor.post_body(path, "fits").await.ok().session_line();
    let refused = visitor.post_body(path, &large).await.expect(500);
    refused.assert_no_cookie();
    assert_eq!(refused.body, "");
    assert_eq!(visitor.value("a").await.as_deref(), Some("fits"));
}

/// N21, N23.
pub(crate) async fn c39_redirect_follows_the_write(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    for round in 0..50 {
        let answer = visitor
            .following()
            .get(&format!("/redirect/a/{round}"))
            .await;
        assert_eq!(answer.ok().body, round.to_string());
    }
}
