//! How long a session lives. The clock is the real one, so the timeouts are short and the
//! margins are what a busy machine needs.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{Browser, Farm, Settings};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits until a session has expired, having given it the shortest timeout there is.
pub(crate) async fn expire(session: &Browser) {
    session.post("/timeout/1").await.ok();
    sleep(ms(1050)).await;
}

async fn left(session: &Browser, which: &str) -> u64 {
    let info = session.get("/info").await.ok().json();
    info[which]
        .as_u64()
        .unwrap_or_else(|| panic!("no {which}: {info}"))
}

fn idle_of(timeout: &str) -> impl FnOnce(Settings) -> Settings {
    move |settings| settings.set("session.idle_timeout", timeout)
}

/// S9.
pub(crate) async fn c19_idle_expiry_and_activity(farm: &Farm) {
    let site = farm.open_with(idle_of("1500ms")).await;
    let visitor = site.visitor_with("a", "b").await;
    // Twice the timeout in all, with a request in between each time.
    for _ in 0..3 {
        sleep(ms(900)).await;
        assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
        let left = left(&visitor, "idle_left_ms").await;
        assert!(left > 1000, "not extended: {left} ms left");
    }
    sleep(ms(1550)).await;
    visitor.assert_anonymous().await;
}

fn short_deadline(settings: Settings) -> Settings {
    settings
        .set("session.idle_timeout", "1500ms")
        .set("session.absolute_timeout", "2500ms")
}

/// Neither reading nor writing nor a renew moves the deadline (N10, N11). S10.
pub(crate) async fn c20_deadline_stays(farm: &Farm) {
    let site = farm.open_with(short_deadline).await;
    let visitor = site.visitor_with("a", "b").await;
    let mut before = left(&visitor, "absolute_left_ms").await;
    // The clocks of store and instance tick a little apart.
    assert!(before <= 2510, "{before} ms left");
    for path in ["/increment/n", "/renew", "/set/a/c"] {
        sleep(ms(500)).await;
        visitor.post(path).await.ok();
        let now = left(&visitor, "absolute_left_ms").await;
        assert!(
            now + 250 < before,
            "{path} moved the deadline: {before}, {now}"
        );
        assert!(left(&visitor, "idle_left_ms").await <= now + 250);
        before = now;
    }
    sleep(ms(before + 50)).await;
    visitor.assert_anonymous().await;
}

pub(crate) async fn c20_log_in_begins_anew(farm: &Farm) {
    let site = farm.open_with(short_deadline).await;
    let visitor = site.visitor_with("a", "b").await;
    sleep(ms(1000)).await;
    assert!(left(&visitor, "absolute_left_ms").await <= 1500);
    visitor.post("/login/alice").await.ok();
    assert!(left(&visitor, "absolute_left_ms").await > 1600);
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

/// S11: the cookie itself says nothing of it.
pub(crate) async fn c21_timeout_of_one_session(farm: &Farm) {
    let site = farm.open().await;
    let short = site.visitor_with("a", "b").await;
    let long = site.visitor_with("a", "b").await;
    short.post("/timeout/1").await.ok().assert_no_cookie();
    assert!(left(&short, "idle_left_ms").await <= 1000);
    sleep(ms(1050)).await;
    short.assert_anonymous().await;
    assert_eq!(long.value("a").await.as_deref(), Some("b"));
    assert!(left(&long, "idle_left_ms").await > 60_000);
}

pub(crate) async fn c22_expired_gets_a_new_id(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let old = visitor.cookie().unwrap();
    expire(&visitor).await;
    visitor.post("/set/c/d").await.ok().session_line();
    assert_ne!(visitor.cookie().unwrap(), old);
    assert_eq!(visitor.value("a").await, None);
    assert_eq!(visitor.value("c").await.as_deref(), Some("d"));
    site.bearer(&old).assert_anonymous().await;
}

fn max_age(line: &str) -> Option<u64> {
    let age = line
        .split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="))?;
    Some(age.parse().unwrap())
}

pub(crate) async fn c28_persistent_when_asked(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let first = visitor.post("/set/a/b").await.ok();
    assert_eq!(max_age(first.session_line()), None);
    let asked = visitor.post("/debug/persistent/600").await.ok();
    assert_eq!(max_age(asked.session_line()), Some(600));
    let renewed = visitor.post("/renew").await.ok();
    assert_eq!(max_age(renewed.session_line()), Some(600));
    visitor.post("/debug/persistent/0").await.ok();
    let back = visitor.post("/renew").await.ok();
    assert_eq!(max_age(back.session_line()), None);
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

pub(crate) async fn c28_persistent_when_configured(farm: &Farm) {
    let configured = |settings: Settings| settings.set("session.cookie.max_age", "30d");
    let site = farm.open_with(configured).await;
    let first = site.visitor().post("/set/a/b").await.ok();
    // No cookie outlives its session, which ends after twelve hours.
    let age = max_age(first.session_line()).unwrap();
    assert!((43_190..=43_200).contains(&age), "{age}");
}
