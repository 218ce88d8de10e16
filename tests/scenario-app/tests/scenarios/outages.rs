//! Stores that do not answer, and connections that break.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::harness::{Answer, Browser, Farm, FaultProxy, Site, Way};

/// Longer than connecting and an operation may take together.
const BOUND: Duration = Duration::from_secs(5);

/// Every kind of request while the store is away, in bounded time. C47, N27. S30.
async fn assert_away(site: &Site, visitor: &Browser) {
    let requests = [
        ("GET", "/get/a"),
        ("POST", "/increment/n"),
        ("POST", "/renew"),
        ("POST", "/logout"),
        ("GET", "/exclusive"),
    ];
    for (method, path) in requests {
        let began = Instant::now();
        let answer = match method {
            "GET" => visitor.get(path).await,
            _ => visitor.post(path).await,
        };
        assert!(began.elapsed() < BOUND, "{path}: {:?}", began.elapsed());
        let answer = answer.expect(503);
        answer.assert_no_cookie();
        assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
    }
    visitor.get("/untouched").await.ok().assert_no_cookie();
    site.visitor().get("/get/a").await.expect(404);
    visitor.get("/readyz").await.expect(503);
    visitor.get("/healthz").await.ok();
}

/// Waits until session routes work again, without a restart.
async fn until_back(visitor: &Browser, path: &str) -> Answer {
    let began = Instant::now();
    loop {
        let answer = visitor.get(path).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(began.elapsed() < BOUND, "still away: {answer:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn c47_hanging_store(farm: &Farm) {
    let Some(site) = farm.open_shared("a store that hangs").await else {
        return;
    };
    let visitor = site.visitor_with("a", "b").await;
    farm.backend().pause();
    assert_away(&site, &visitor).await;
    farm.backend().resume();
    let answer = until_back(&visitor, "/get/a").await;
    assert_eq!(answer.ok().body, "b", "the session was lost");
}

pub(crate) async fn c47_refusing_store(farm: &Farm) {
    let Some(site) = farm.open_shared("a store that is gone").await else {
        return;
    };
    let visitor = site.visitor_with("a", "b").await;
    let cookie = visitor.cookie();
    farm.backend().kill();
    assert_away(&site, &visitor).await;
    assert_eq!(visitor.cookie(), cookie);
    farm.backend().start_again();
    until_back(&visitor, "/get/a").await;
    // What was in memory is gone with the process; that is an absence, not an outage.
    for _ in 0..2 {
        visitor.post("/set/a/c").await.ok();
        assert_eq!(visitor.value("a").await.as_deref(), Some("c"));
    }
}

/// One instance behind a proxy that cuts the connection to the store after every byte of what
/// an increment sends, and after every byte of what it receives. Old or new, never mixed, and
/// what was acknowledged is there.
pub(crate) async fn c49_every_byte(farm: &Farm) {
    let Some(settings) = farm.shared_settings("a connection that breaks") else {
        return;
    };
    let proxy = FaultProxy::start(farm.backend().address()).await;
    let url = farm.backend().url_at(proxy.address());
    let site = farm.open_at(settings.set("store.url", url)).await;
    let visitor = site.visitor_with("a", "b").await;
    visitor.post("/increment/n").await.ok();
    let before = proxy.bytes();
    visitor.post("/increment/n").await.ok();
    let after = proxy.bytes();
    let mut bounds = (2, 2);
    let mut failures = 0;
    for (way, length) in [
        (Way::ToStore, after.0 - before.0),
        (Way::FromStore, after.1 - before.1),
    ] {
        assert!(length > 100, "{way:?}: {length} bytes");
        for byte in 0..length {
            proxy.cut_after(way, byte);
            let answer = visitor.post("/increment/n").await;
            answer.assert_no_cookie();
            bounds.1 += 1;
            match answer.status {
                200 => bounds.0 += 1,
                503 => failures += 1,
                _ => panic!("{way:?} {byte}: {answer:?}"),
            }
            proxy.heal();
            let number: u64 = until_back(&visitor, "/get/n")
                .await
                .ok()
                .body
                .parse()
                .unwrap();
            let possible = bounds.0..=bounds.1;
            assert!(
                possible.contains(&number),
                "{way:?} {byte}: {number}, {possible:?}"
            );
            bounds = (number, number);
        }
    }
    assert!(failures > 0, "nothing was cut");
}
