//! Exclusive requests, measured inside the handler.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::timeout;

use crate::harness::{Answer, Farm, Settings, wire};

/// When a handler had the session, in milliseconds.
fn interval(answer: &Answer) -> (u64, u64) {
    let json: Value = answer.json();
    let at = |name: &str| json[name].as_u64().unwrap();
    (at("enter_ms"), at("leave_ms"))
}

/// N17.
pub(crate) async fn c35_exclusive_does_not_overlap(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let holders = (0..10).map(|_| visitor.get("/exclusive?delay_ms=50"));
    let answers: Vec<_> = join_all(holders)
        .await
        .into_iter()
        .map(Answer::ok)
        .collect();
    let mut intervals: Vec<_> = answers.iter().map(interval).collect();
    intervals.sort_unstable();
    for pair in intervals.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "overlap: {intervals:?}");
    }
}

pub(crate) async fn c35_read_only_overlaps(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let exclusive = "/exclusive?delay_ms=500";
    let reading = "/readonly?delay_ms=500";
    let requests = [exclusive, reading, reading, reading].map(|path| visitor.get(path));
    let answers: Vec<_> = join_all(requests)
        .await
        .into_iter()
        .map(Answer::ok)
        .collect();
    let last_in = answers.iter().map(|answer| interval(answer).0).max();
    let first_out = answers.iter().map(|answer| interval(answer).1).min();
    assert!(last_in < first_out, "one waited for another");
}

/// A writer without the lease commits after its holder, and both writes are kept.
pub(crate) async fn c35_writers_wait_for_the_holder(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    site.reset_store_calls().await;
    let holder = visitor.clone();
    let holding = tokio::spawn(async move { holder.post("/exclusive-set/x/1?delay_ms=300").await });
    site.until_called("acquire", 1).await;
    visitor.post("/set/y/2").await.ok();
    assert_eq!(
        visitor.value("x").await.as_deref(),
        Some("1"),
        "the writer was first"
    );
    holding.await.unwrap().ok();
    assert_eq!(visitor.value("y").await.as_deref(), Some("2"));
}

pub(crate) async fn c36_killed_holder(farm: &Farm) {
    let why = "an instance that is killed while another one waits";
    let short = |settings: Settings| settings.set("session.lock.lease", "1s");
    let Some(site) = farm.open_shared_with(why, short).await else {
        return;
    };
    let visitor = site.visitor_with("a", "b").await;
    site.reset_store_calls().await;
    let line = format!("Cookie: {}", visitor.cookie().unwrap());
    let killed = async {
        site.until_called("acquire", 1).await;
        site.instances[0].signal(Signal::KILL);
    };
    let path = "/exclusive-set/a/lost?delay_ms=60000";
    wire::hang_up(site.address(), "POST", path, line.as_bytes(), killed).await;
    let site = site.without(0);
    let next = site.bearer(&visitor.cookie().unwrap());
    next.get("/exclusive").await.ok();
    assert_eq!(next.value("a").await.as_deref(), Some("b"));
}

/// N18, also where a task that goes on has a handle of the session.
pub(crate) async fn c37_disconnect_frees_the_lock(farm: &Farm) {
    const SOON: Duration = Duration::from_secs(2);
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let line = format!("Cookie: {}", visitor.cookie().unwrap());
    for round in 0..10 {
        let route = ["/exclusive", "/debug/linger"][round % 2];
        let path = format!("{route}?delay_ms=60000");
        site.reset_store_calls().await;
        let begun = site.until_called("acquire", 1);
        wire::hang_up(site.address(), "GET", &path, line.as_bytes(), begun).await;
        let next = timeout(SOON, visitor.get("/exclusive")).await;
        next.unwrap_or_else(|_| panic!("{route}: the lock was not freed"))
            .ok();
    }
}

pub(crate) async fn c38_wait_is_bounded(farm: &Farm) {
    let impatient = |settings: Settings| settings.set("session.lock.wait", "300ms");
    let site = farm.open_with(impatient).await;
    let visitor = site.visitor_with("a", "b").await;
    site.reset_store_calls().await;
    let holder = visitor.clone();
    let holding = tokio::spawn(async move { holder.get("/exclusive?delay_ms=2000").await });
    site.until_called("acquire", 1).await;
    let started = Instant::now();
    let refused = visitor.get("/exclusive").await.expect(503);
    let waited = started.elapsed();
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.body, "");
    refused.assert_no_cookie();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
    assert!(waited < Duration::from_millis(1500), "{waited:?}");
    assert_eq!(
        visitor.value("a").await.as_deref(),
        Some("b"),
        "a reader waited"
    );
    holding.await.unwrap().ok();
    visitor.get("/exclusive").await.ok();
}

/// A write that would have to wait for longer than a commit may take is an error, and is not
/// made later.
pub(crate) async fn c48_commit_that_waits_in_vain(farm: &Farm) {
    let hasty = |settings: Settings| settings.set("session.timeouts.commit", "300ms");
    let site = farm.open_with(hasty).await;
    let visitor = site.visitor_with("a", "b").await;
    let cookie = visitor.cookie();
    site.reset_store_calls().await;
    let holder = visitor.clone();
    let holding = tokio::spawn(async move { holder.get("/exclusive?delay_ms=4000").await });
    site.until_called("acquire", 1).await;
    for path in ["/set/a/lost", "/renew", "/login/alice"] {
        let refused = visitor.post(path).await.expect(503);
        assert_eq!(refused.header("retry-after"), Some("1"), "{path}");
        refused.assert_no_cookie();
    }
    holding.await.unwrap().ok();
    visitor.get("/exclusive").await.ok();
    assert_eq!(visitor.cookie(), cookie);
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

/// Ending a session waits for nobody, and its holder writes in vain.
pub(crate) async fn c26_logout_breaks_a_lease(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let old = visitor.cookie().unwrap();
    site.reset_store_calls().await;
    let holder = site.bearer(&old);
    let path = "/exclusive-set/a/revived?delay_ms=1000";
    let holding = tokio::spawn(async move { holder.post(path).await });
    site.until_called("acquire", 1).await;
    let waiter = site.bearer(&old);
    let waiting = tokio::spawn(async move { waiter.get("/exclusive").await });
    site.until_called("acquire", 2).await;
    visitor.post("/logout").await.ok().session_line();
    waiting.await.unwrap().ok().assert_no_cookie();
    assert!(!holding.is_finished(), "the holder was waited for");
    holding.await.unwrap().ok().assert_no_cookie();
    site.bearer(&old).assert_anonymous().await;
    assert_eq!(site.sessions().await, 0);
}
