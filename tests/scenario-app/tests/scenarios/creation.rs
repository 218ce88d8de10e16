//! When a session begins, and when none does.

use std::collections::HashSet;

use futures_util::future::join_all;

use crate::harness::{COOKIE, Farm, wire};

pub(crate) async fn c01_untouched_makes_nothing(farm: &Farm) {
    let site = farm.open().await;
    let answer = site.visitor().get("/untouched").await.ok();
    answer.assert_no_cookie();
    assert_eq!(answer.header("vary"), None);
    assert_eq!(answer.header("cache-control"), None);
    site.assert_store_calls(&[], "an untouched session").await;
    assert_eq!(site.sessions().await, 0);
}

pub(crate) async fn c01_untouched_with_a_session_asks_nothing(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    site.reset_store_calls().await;
    let answer = visitor.get("/untouched").await.ok();
    answer.assert_no_cookie();
    assert_eq!(answer.header("vary"), None);
    site.assert_store_calls(&[], "an untouched session").await;
}

pub(crate) async fn c02_read_only_anonymous_makes_nothing(farm: &Farm) {
    let site = farm.open().await;
    let answer = site.visitor().get("/get/a").await.expect(404);
    answer.assert_no_cookie();
    assert_eq!(answer.header("vary"), Some("Cookie"));
    site.assert_store_calls(&[], "a visitor without a cookie")
        .await;
    assert_eq!(site.sessions().await, 0);
}

/// S1, S20, S23.
pub(crate) async fn c03_first_writes_have_different_ids(farm: &Farm) {
    const CONNECTIONS: usize = 10;
    const EACH: usize = 1000;
    let site = farm.open().await;
    let writes = (0..CONNECTIONS).map(|_| {
        let first = || ("POST", "/set/a/b".to_owned(), Vec::new());
        wire::pipeline(site.address(), (0..EACH).map(move |_| first()))
    });
    let answers: Vec<_> = join_all(writes).await.into_iter().flatten().collect();
    assert_eq!(answers.len(), CONNECTIONS * EACH);
    let different: HashSet<_> = answers.iter().map(|answer| answer.session_pair()).collect();
    assert_eq!(different.len(), answers.len(), "two visitors got one id");
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("vary"), Some("Cookie"));
    }
}

pub(crate) async fn c04_unchanged_session_gets_no_cookie(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let cookie = visitor.cookie();
    for path in ["/get/a", "/info", "/readonly", "/untouched", "/exclusive"] {
        visitor.get(path).await.ok().assert_no_cookie();
    }
    visitor.post("/set/a/c").await.ok().assert_no_cookie();
    assert_eq!(visitor.cookie(), cookie);
    assert_eq!(visitor.value("a").await.as_deref(), Some("c"));
}

/// Nothing but a write of a session makes a record: neither visitors without cookies nor those
/// with junk in them.
pub(crate) async fn c54_visitors_without_writes_leave_no_record(farm: &Farm) {
    const CONNECTIONS: usize = 10;
    const EACH: usize = 10_000;
    let site = farm.open().await;
    let visits = (0..CONNECTIONS).map(|connection| {
        let visit = move |number: usize| {
            let line = match number % 3 {
                0 => String::new(),
                1 => format!("Cookie: {COOKIE}={:076}", connection * EACH + number),
                _ => format!("Cookie: {COOKIE}="),
            };
            let path = if number.is_multiple_of(2) {
                "/get/a"
            } else {
                "/untouched"
            };
            ("GET", path.to_owned(), line.into_bytes())
        };
        wire::pipeline(site.address(), (0..EACH).map(visit))
    });
    let answers: Vec<_> = join_all(visits).await.into_iter().flatten().collect();
    assert_eq!(answers.len(), CONNECTIONS * EACH);
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 404), "{answer:?}");
        answer.assert_no_cookie();
    }
    site.assert_store_calls(&[], "junk").await;
    assert_eq!(site.sessions().await, 0);
}

/// N9.
pub(crate) async fn n19_two_first_requests_make_two_sessions(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let writes = ["/set/a/1?delay_ms=50", "/set/b/2?delay_ms=50"].map(|path| visitor.post(path));
    let answers = join_all(writes).await;
    let pairs: Vec<_> = answers.iter().map(|answer| answer.session_pair()).collect();
    assert_ne!(pairs[0], pairs[1]);
    let (first, second) = (site.bearer(&pairs[0]), site.bearer(&pairs[1]));
    assert_eq!(first.value("a").await.as_deref(), Some("1"));
    assert_eq!(first.value("b").await, None);
    assert_eq!(second.value("a").await, None);
    assert_eq!(second.value("b").await.as_deref(), Some("2"));
    for session in [first, second] {
        let info = session.get("/info").await.ok().json();
        assert!(
            info["idle_left_ms"].as_u64().unwrap() > 0,
            "no end of life: {info}"
        );
        assert!(
            info["absolute_left_ms"].as_u64().unwrap() > 0,
            "no end of life: {info}"
        );
    }
}
