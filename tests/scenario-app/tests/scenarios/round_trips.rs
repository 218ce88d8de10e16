//! What each kind of request costs in store operations.

use crate::harness::{Browser, Farm, Site};

type Calls = &'static [(&'static str, u64)];

/// One request by each way of asking, and what it may cost.
async fn assert_cost(site: &Site, visitor: &Browser, request: &str, expected: Calls) {
    site.reset_store_calls().await;
    let (method, path) = request.split_once(' ').unwrap();
    match method {
        "GET" => visitor.get(path).await,
        _ => visitor.post(path).await,
    };
    site.assert_store_calls(expected, request).await;
}

pub(crate) async fn round_trips_are_the_floor(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let table: [(&str, Calls); 11] = [
        ("GET /untouched", &[]),
        ("GET /get/a", &[]),
        ("POST /logout", &[]),
        ("POST /set/a/b", &[("create", 1)]),
        ("GET /untouched", &[]),
        ("GET /get/a", &[("load", 1)]),
        ("POST /set/a/c", &[("load", 1), ("save", 1)]),
        ("POST /increment/n", &[("load", 1), ("save", 1)]),
        ("POST /renew", &[("load", 1), ("rename", 1)]),
        ("POST /login/alice", &[("load", 1), ("rename", 1)]),
        ("POST /logout", &[("load", 1), ("delete", 1)]),
    ];
    for (request, expected) in table {
        assert_cost(&site, &visitor, request, expected).await;
    }
    assert_cost(&site, &site.visitor(), "POST /login/bob", &[("create", 1)]).await;
}

pub(crate) async fn round_trips_of_a_lease(farm: &Farm) {
    let site = farm.open().await;
    let visitor = site.visitor();
    let table: [(&str, Calls); 4] = [
        ("GET /exclusive", &[]),
        ("POST /exclusive-set/a/b", &[("create", 1)]),
        ("POST /exclusive-set/a/c", &[("acquire", 1), ("save", 1)]),
        ("GET /exclusive", &[("acquire", 1), ("release", 1)]),
    ];
    for (request, expected) in table {
        assert_cost(&site, &visitor, request, expected).await;
    }
}
