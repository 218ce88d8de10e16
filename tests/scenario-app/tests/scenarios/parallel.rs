//! Parallel requests of one visitor.

use futures_util::future::join_all;

use crate::harness::{Browser, Farm, Site, wire};

/// N1.
pub(crate) async fn c29_different_keys_are_kept(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let paths: Vec<_> = (0..20)
        .map(|key| format!("/set/k{key}/{key}?delay_ms=50"))
        .collect();
    for answer in join_all(paths.iter().map(|path| visitor.post(path))).await {
        answer.ok().assert_no_cookie();
    }
    for key in 0..20 {
        let value = visitor.value(&format!("k{key}")).await;
        assert_eq!(value, Some(key.to_string()));
    }
    assert_eq!(visitor.value("a").await.as_deref(), Some("b"));
}

async fn increment(visitor: &Browser, times: usize) {
    for _ in 0..times {
        visitor.post("/increment/n").await.ok().assert_no_cookie();
    }
}

/// N2.
pub(crate) async fn c30_a_thousand_increments(farm: &Farm) {
    const PARALLEL: usize = 40;
    const EACH: usize = 25;
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    join_all((0..PARALLEL).map(|_| increment(&visitor, EACH))).await;
    assert_eq!(
        visitor.value("n").await,
        Some((PARALLEL * EACH).to_string())
    );
}

/// A connection for each, and time between load and commit, so that all of them collide.
pub(crate) async fn c30_increments_from_one_connection_each(farm: &Farm) {
    const PARALLEL: usize = 100;
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "b").await;
    let cookie = visitor.cookie().unwrap();
    let clients: Vec<_> = (0..PARALLEL).map(|_| site.bearer(&cookie)).collect();
    let path = "/increment/n?delay_ms=100";
    for answer in join_all(clients.iter().map(|client| client.post(path))).await {
        answer.ok().assert_no_cookie();
    }
    assert_eq!(visitor.value("n").await, Some(PARALLEL.to_string()));
}

/// N3.
pub(crate) async fn c31_slow_reader_beside_a_writer(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor_with("a", "old").await;
    for path in ["/readonly?delay_ms=200", "/stream?delay_ms=200"] {
        site.reset_store_calls().await;
        let reader = visitor.clone();
        let reading = tokio::spawn(async move { reader.get(path).await });
        site.until_called("load", 1).await;
        visitor.post("/set/a/new").await.ok();
        reading.await.unwrap().ok().assert_no_cookie();
        assert_eq!(visitor.value("a").await.as_deref(), Some("new"), "{path}");
        visitor.post("/set/a/old").await.ok();
    }
}

/// Increments of one session of which every fourth client hangs up at once. Returns how many
/// were acknowledged and how many hung up.
async fn storm(site: &Site, visitor: &Browser) -> (u64, u64) {
    const TIMES: u64 = 100;
    let line = format!("Cookie: {}", visitor.cookie().unwrap());
    let (mut acknowledged, mut hung_up) = (0, 0);
    for turn in 0..TIMES {
        if turn % 4 == 0 {
            let path = format!("/increment/n?delay_ms={}", turn % 3);
            let soon = tokio::task::yield_now();
            wire::hang_up(site.address(), "POST", &path, line.as_bytes(), soon).await;
            hung_up += 1;
        } else {
            visitor.post("/increment/n").await.ok().assert_no_cookie();
            acknowledged += 1;
        }
    }
    (acknowledged, hung_up)
}

/// No session counts for another, and no acknowledged increment is lost. N8.
pub(crate) async fn c50_cancel_storm(farm: &Farm) {
    const SESSIONS: usize = 20;
    let site = farm.open().await;
    let visitors = join_all((0..SESSIONS).map(|_| site.visitor_with("a", "b"))).await;
    let counts = join_all(visitors.iter().map(|visitor| storm(&site, visitor))).await;
    for (visitor, (acknowledged, hung_up)) in visitors.iter().zip(counts) {
        // The holder of the lease sees every commit that had begun.
        visitor.get("/exclusive").await.ok();
        let number: u64 = visitor.value("n").await.unwrap().parse().unwrap();
        let possible = acknowledged..=acknowledged + hung_up;
        assert!(
            possible.contains(&number),
            "{number} is not in {possible:?}"
        );
    }
    assert_eq!(site.sessions().await, SESSIONS as u64);
}
