//! Another id for the same session.

use crate::harness::{Farm, Site};

/// N6.
pub(crate) async fn c23_renew_keeps_data(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let old = visitor.cookie().unwrap();
    let before = visitor.get("/info").await.ok().json();
    visitor.post("/renew").await.ok().session_line();
    assert_ne!(visitor.cookie().unwrap(), old);
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
    let after = visitor.get("/info").await.ok().json();
    assert_eq!(after["created_ms"], before["created_ms"]);
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    site.bearer(&old).assert_anonymous().await;
    assert_eq!(site.sessions().await, 1);
}

/// The user is neither logged out nor left with two live ids.
pub(crate) async fn c23_renew_and_fail(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    visitor.post("/login/alice").await.ok();
    let old = visitor.cookie().unwrap();
    visitor
        .post("/renew?fail=500")
        .await
        .expect(500)
        .session_line();
    assert_ne!(visitor.cookie().unwrap(), old);
    let info = visitor.get("/info").await.ok().json();
    assert_eq!(info["principal"], "alice");
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
    site.bearer(&old).assert_anonymous().await;
    assert_eq!(site.sessions().await, 1);
}

pub(crate) async fn c24_renew_twice(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let mut dead = vec![visitor.cookie().unwrap()];
    for path in [
        "/renew",
        "/renew",
        "/debug/steps/renew-renew",
        "/debug/steps/login-renew",
    ] {
        visitor.post(path).await.ok().session_line();
        let cookie = visitor.cookie().unwrap();
        assert!(!dead.contains(&cookie));
        for old in &dead {
            site.bearer(old).assert_anonymous().await;
        }
        dead.push(cookie);
    }
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
    assert_eq!(site.sessions().await, 1);
}

pub(crate) async fn c24_renew_then_destroy(farm: &Farm) {
    let site = farm.open().await;
    for paths in [&["/renew", "/logout"][..], &["/debug/steps/renew-destroy"]] {
        let visitor = site.visitor_with("a", "b").await;
        let mut cookies = Vec::new();
        for path in paths {
            cookies.extend(visitor.cookie());
            visitor.post(path).await.ok().session_line();
        }
        assert_eq!(visitor.cookie(), None);
        for old in cookies {
            site.bearer(&old).assert_anonymous().await;
        }
    }
    assert_eq!(site.sessions().await, 0);
}

/// What is written after the end begins a session of its own, without the old data.
pub(crate) async fn c24_destroy_then_write(farm: &Farm) {
    let site = farm.open().await;
    for paths in [
        &["/logout", "/debug/steps/set"][..],
        &["/debug/steps/destroy-set"],
    ] {
        let visitor = site.visitor_with("a", "b").await;
        let old = visitor.cookie().unwrap();
        for path in paths {
            visitor.post(path).await.ok().session_line();
        }
        assert_ne!(visitor.cookie().unwrap(), old);
        assert_eq!(visitor.value("a").await, None);
        assert_eq!(visitor.value("step").await.as_deref(), Some("1"));
        site.bearer(&old).assert_anonymous().await;
    }
}

/// S8.
pub(crate) async fn c25_fixed_id_is_useless_after_log_in(farm: &Farm) {
    let site = farm.open().await;
    let planted = site.visitor_with("cart", "book").await.cookie().unwrap();
    let (attacker, victim) = (site.bearer(&planted), site.bearer(&planted));
    let fresh = victim.post("/login/alice").await.ok().session_pair();
    assert_ne!(fresh, planted);
    attacker.assert_anonymous().await;
    for path in ["/set/a/b", "/renew", "/login/mallory", "/logout"] {
        attacker.post(path).await.expect(409).assert_no_cookie();
    }
    let info = site.bearer(&fresh).get("/info").await.ok().json();
    assert_eq!(info["principal"], "alice");
    assert_eq!(
        site.bearer(&fresh).value("cart").await.as_deref(),
        Some("book")
    );
}

async fn renewed_beside_a_writer(site: &Site, path: &'static str) -> (u16, String, String) {
    let visitor = site.visitor_with("a", "b").await;
    let old = visitor.cookie().unwrap();
    let slow = site.bearer(&old);
    site.reset_store_calls().await;
    let writing = tokio::spawn(async move { slow.post(path).await });
    site.until_called("load", 1).await;
    visitor.post("/renew").await.ok().session_line();
    let told = writing.await.unwrap();
    told.assert_no_cookie();
    (told.status, old, visitor.cookie().unwrap())
}

/// The slow one is told that nothing was saved, and sends no cookie (N6, N7).
pub(crate) async fn c34_renew_during_a_slow_writer(farm: &Farm) {
    let site = farm.open().await;
    for path in ["/set/a/lost?delay_ms=600", "/increment/n?delay_ms=600"] {
        let (status, old, new) = renewed_beside_a_writer(&site, path).await;
        assert_eq!(status, 409, "{path}");
        let renewed = site.bearer(&new);
        assert_eq!(renewed.value("a").await.as_deref(), Some("b"));
        assert_eq!(renewed.value("n").await, None);
        site.bearer(&old).assert_anonymous().await;
    }
}

/// Nothing that a late request answers replaces the new cookie (N20).
pub(crate) async fn c34_late_request_with_the_old_cookie(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let late = site.bearer(&visitor.cookie().unwrap());
    visitor.post("/renew").await.ok();
    for path in ["/get/a", "/info", "/readonly", "/exclusive", "/flash"] {
        late.get(path).await.assert_no_cookie();
    }
    for path in [
        "/set/a/c",
        "/increment/n",
        "/renew",
        "/login/alice",
        "/logout",
    ] {
        late.post(path).await.expect(409).assert_no_cookie();
    }
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}
