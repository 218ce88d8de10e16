//! What each kind of request asks of the store (design, section 7).

use std::collections::BTreeMap;

use session_core::Access;

use crate::support::{Browser, MINUTE, Visit, World, answer};

fn trips<const N: usize>(expected: [(&'static str, u64); N]) -> BTreeMap<&'static str, u64> {
    BTreeMap::from(expected)
}

/// What a request of a visitor with a session costs.
async fn costs(access: Access, change: fn(&Visit)) -> BTreeMap<&'static str, u64> {
    let world = World::default();
    let browser = world.visitor().await;
    world.counts.reset();
    let visit = browser.open(&world.engine, access).await.unwrap();
    change(&visit);
    visit.finish().await.unwrap();
    world.counts.counts()
}

#[tokio::test]
async fn an_untouched_session_costs_nothing() {
    let world = World::default();
    let _visitor = world.visitor().await;
    world.counts.reset();
    answer(&world.engine.exchange()).await.unwrap();
    assert_eq!(world.counts.total(), 0);
}

#[tokio::test]
async fn a_read_costs_one_trip_and_a_write_two() {
    let read = costs(Access::ReadOnly, |_| {});
    assert_eq!(read.await, trips([("load", 1)]));
    let write = costs(Access::ReadWrite, |visit| visit.insert("n", &1).unwrap());
    assert_eq!(write.await, trips([("load", 1), ("save", 1)]));
    let nothing = costs(Access::ReadWrite, |visit| {
        assert_eq!(visit.get::<i64>("n").unwrap(), Some(0));
    });
    assert_eq!(nothing.await, trips([("load", 1)]));
}

#[tokio::test]
async fn renew_login_and_logout_cost_one_trip_beyond_the_load() {
    let renew = costs(Access::ReadWrite, |visit| visit.renew().unwrap());
    assert_eq!(renew.await, trips([("load", 1), ("rename", 1)]));
    let login = costs(Access::ReadWrite, |visit| visit.log_in("ada").unwrap());
    assert_eq!(login.await, trips([("load", 1), ("rename", 1)]));
    let logout = costs(Access::ReadWrite, |visit| visit.destroy().unwrap());
    assert_eq!(logout.await, trips([("delete", 1), ("load", 1)]));
}

#[tokio::test]
async fn an_exclusive_request_costs_what_a_writing_one_does() {
    let write = costs(Access::Exclusive, |visit| visit.insert("n", &1).unwrap());
    assert_eq!(write.await, trips([("acquire", 1), ("save", 1)]));
    let read = costs(Access::Exclusive, |_| {});
    assert_eq!(read.await, trips([("acquire", 1), ("release", 1)]));
    let renew = costs(Access::Exclusive, |visit| visit.renew().unwrap());
    assert_eq!(renew.await, trips([("acquire", 1), ("rename", 1)]));
    let logout = costs(Access::Exclusive, |visit| visit.destroy().unwrap());
    assert_eq!(logout.await, trips([("acquire", 1), ("delete", 1)]));
}

#[tokio::test]
async fn a_new_session_costs_one_trip() {
    for shared in [false, true] {
        let builder = World::builder();
        let builder = if shared { builder.shared() } else { builder };
        let world = builder.build();
        world.engine.ready().await.unwrap();
        world.counts.reset();
        world.visitor().await;
        assert_eq!(world.counts.counts(), trips([("create", 1)]));
        world.counts.reset();
        let log_in = |visit: &Visit| visit.log_in("ada").unwrap();
        world.change(&mut Browser::default(), log_in).await;
        assert_eq!(world.counts.counts(), trips([("create", 1)]));
    }
}

#[tokio::test]
async fn a_read_that_extends_costs_two_trips() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world.clock.advance(2 * MINUTE);
    world.counts.reset();
    world.read(&mut browser).await;
    assert_eq!(world.counts.counts(), trips([("load", 1), ("touch", 1)]));
}

#[tokio::test]
async fn a_merge_costs_one_trip_more() {
    let world = World::default();
    let browser = world.visitor().await;
    let slow = world.visit(&browser).await;
    slow.increment("n", 1).unwrap();
    let write = |visit: &Visit| visit.insert("m", &1).unwrap();
    world.change(&mut browser.clone(), write).await;
    world.counts.reset();
    slow.finish().await.unwrap();
    assert_eq!(world.counts.counts(), trips([("save", 2)]));
}

#[tokio::test]
async fn c12_s04_c54_junk_costs_nothing_and_leaves_nothing() {
    let world = World::default();
    let browser = world.visitor().await;
    let good = browser.line.clone().unwrap();
    world.counts.reset();
    let mut lines = vec![
        "__Host-session=".to_owned(),
        "__Host-session=../../etc/passwd".to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        good.replacen("__Host-session", "__host-session", 1),
    ];
    for position in "__Host-session=".len()..good.len() {
        let mut line = good.clone().into_bytes();
        line[position] = if line[position] == b'A' { b'B' } else { b'A' };
        lines.push(String::from_utf8(line).unwrap());
    }
    for line in lines {
        let forger = Browser { line: Some(line) };
        let visit = world.visit(&forger).await;
        assert!(visit.is_new(), "{:?}", forger.line);
        visit.finish().await.unwrap();
    }
    assert_eq!(world.counts.total(), 0);
}
