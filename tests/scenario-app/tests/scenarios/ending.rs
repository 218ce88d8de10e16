//! The end of a session, and values that are taken once.

use futures_util::future::join_all;

use crate::harness::{Farm, Site};

/// N4, S12.
pub(crate) async fn c26_logout_is_final(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    visitor.post("/login/alice").await.ok();
    let old = visitor.cookie().unwrap();
    visitor.post("/logout").await.ok().session_line();
    assert_eq!(visitor.cookie(), None);
    let replayed = site.bearer(&old);
    replayed.assert_anonymous().await;
    for path in ["/set/a/c", "/increment/a", "/renew", "/logout"] {
        replayed.post(path).await.ok().assert_no_cookie();
    }
    replayed.assert_anonymous().await;
    assert_eq!(site.sessions().await, 0);
}

pub(crate) async fn c27_flash_once(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    visitor.post("/flash/hello").await.ok();
    assert_eq!(visitor.get("/flash").await.ok().body, "hello");
    visitor.get("/flash").await.expect(404);
}

pub(crate) async fn c27_flash_survives_a_redirect(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    visitor.post("/flash/hello").await.ok();
    visitor.following().get("/redirect/a/b").await.ok();
    assert_eq!(visitor.get("/flash").await.ok().body, "hello");
    visitor.get("/flash").await.expect(404);
}

/// Of several that take it at once, exactly one delivers it (N14).
pub(crate) async fn c27_flash_once_in_parallel(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    for round in 0..50 {
        visitor.post(&format!("/flash/{round}")).await.ok();
        let takers = (0..4).map(|_| visitor.get("/flash"));
        let answers = join_all(takers).await;
        let delivered = answers.iter().filter(|answer| answer.status == 200);
        assert_eq!(delivered.count(), 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(answer.status, 404 | 409), "{answer:?}");
        }
    }
}

/// Logs fifty visitors out while each has a slow request under way. Returns the cookies that
/// were logged out and the answers of the slow requests.
async fn log_out_during(
    site: &Site,
    slow: impl Fn(crate::harness::Browser) -> tokio::task::JoinHandle<crate::harness::Answer>,
) {
    const ROUNDS: usize = 50;
    let visitors = join_all((0..ROUNDS).map(|_| site.visitor_with("a", "b"))).await;
    let cookies: Vec<_> = visitors
        .iter()
        .map(|visitor| visitor.cookie().unwrap())
        .collect();
    site.reset_store_calls().await;
    let under_way: Vec<_> = cookies
        .iter()
        .map(|cookie| slow(site.bearer(cookie)))
        .collect();
    site.until_called("load", ROUNDS as u64).await;
    for logout in join_all(visitors.iter().map(|visitor| visitor.post("/logout"))).await {
        logout.ok().session_line();
    }
    let slow = under_way.iter().all(|request| !request.is_finished());
    assert!(slow, "the slow requests were too fast to show anything");
    for request in under_way {
        request.await.unwrap().ok().assert_no_cookie();
    }
    assert_eq!(site.sessions().await, 0, "a session came back");
    for cookie in cookies {
        let replayed = site.bearer(&cookie);
        replayed.assert_anonymous().await;
        replayed.post("/set/a/c").await.ok().assert_no_cookie();
    }
    assert_eq!(site.sessions().await, 0, "a session came back");
}

/// N4, N16.
pub(crate) async fn c32_logout_during_slow_writers(farm: &Farm) {
    let site = farm.open().await;
    log_out_during(&site, |browser| {
        tokio::spawn(async move { browser.post("/set/a/revived?delay_ms=1500").await })
    })
    .await;
}

/// N5.
pub(crate) async fn c33_logout_during_slow_readers(farm: &Farm) {
    let site = farm.open().await;
    log_out_during(&site, |browser| {
        tokio::spawn(async move { browser.get("/readonly?delay_ms=1500").await })
    })
    .await;
}
