//! A process proves that its key ring is its farm's before it serves a session.

use bytes::Bytes;
use session_core::testing::{Fault, Gate, Operation};
use session_core::{
    Access, Engine, FleetRow, KeyRing, MachineKey, NotReady, SessionErrorKind, SessionStore as _,
    StoreErrorKind, Timestamp,
};

use crate::support::{
    Browser, MINUTE, MOMENT, PausedClock, SECOND, Visit, World, a_ring, answer, kind,
};

const ROW: &str = "fleet/shop";

/// A world whose store other processes see.
fn farm() -> World {
    World::builder().shared().build()
}

/// What stands in a control row.
async fn row(world: &World, name: &str) -> Option<serde_json::Value> {
    let row = world.visible.clone().meta_get(name.to_owned()).await;
    let row = row.unwrap()?;
    Some(serde_json::from_slice(&row.value).unwrap())
}

async fn overwrite(world: &World, value: &'static [u8]) {
    let store = &world.visible;
    let current = store.clone().meta_get(ROW.to_owned()).await.unwrap();
    let version = current.map(|row| row.version);
    let value = Bytes::from_static(value);
    let writing = store.clone();
    let written = writing.meta_compare_and_set(ROW.to_owned(), version, value);
    written.await.unwrap();
}

/// Fails unless every kind of request that needs a session is refused, without a cookie.
async fn assert_serves_nothing(engine: &Engine, browser: &Browser) {
    for access in [Access::ReadOnly, Access::ReadWrite, Access::Exclusive] {
        for browser in [browser, &Browser::default()] {
            let exchange = engine.exchange();
            let error = exchange.open(browser, access).await.unwrap_err();
            assert_eq!(error.kind(), SessionErrorKind::KeyRingDrift);
            assert_eq!(error.status(), 503);
            assert!(error.retry_after().is_some());
            assert_eq!(answer(&exchange).await.unwrap().set_cookie, None);
        }
    }
}

async fn drifts(engine: &Engine) -> session_core::KeyRingDrift {
    match engine.ready().await {
        Err(NotReady::Drift(drift)) => drift,
        other => unreachable!("not drift: {other:?}"),
    }
}

#[tokio::test]
async fn c44_an_instance_with_another_ring_is_told_at_start_and_serves_nothing() {
    let world = farm();
    let browser = world.visitor().await;
    let before = row(&world, ROW).await.unwrap();
    let stranger = world.node(a_ring());
    let drift = drifts(&stranger).await;
    let now = Timestamp::default();
    let own = stranger.key_ring().snapshot().sealing_kid(now);
    let fleet = world.engine.key_ring().snapshot().sealing_kid(now);
    assert_eq!(
        (drift.own_kids(), drift.fleet_kids()),
        (&[own][..], &[fleet][..])
    );
    assert_eq!(drift.writer(), before["writer"].as_str());
    assert_serves_nothing(&stranger, &browser).await;
    drifts(&stranger).await;
    assert_eq!(row(&world, ROW).await.unwrap(), before, "it writes nothing");
    assert!(world.knows(&browser).await, "the others go on");
    world.engine.ready().await.unwrap();
}

#[tokio::test]
async fn c44_drift_is_found_without_asking_whether_the_engine_is_ready() {
    let world = farm();
    let browser = world.visitor().await;
    let stranger = world.node(a_ring());
    assert_serves_nothing(&stranger, &browser).await;
    world.counts.reset();
    assert_serves_nothing(&stranger, &browser).await;
    assert_eq!(world.counts.total(), 0, "not asked by every request");
}

#[tokio::test]
async fn c44_of_two_rings_that_meet_an_empty_store_one_gets_it() {
    for _ in 0..20 {
        let world = farm();
        let nodes = [world.node(a_ring()), world.node(a_ring())];
        let (first, second) = tokio::join!(nodes[0].ready(), nodes[1].ready());
        let failed = match (first, second) {
            (Ok(()), Err(error)) | (Err(error), Ok(())) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(failed, NotReady::Drift(_)), "{failed:?}");
    }
}

/// A store in memory that is started again has no row. If an instance with another ring took it
/// then, it would be the others that are refused.
#[tokio::test]
async fn c44_an_instance_that_drifts_leaves_a_lost_row_to_the_others() {
    let world = farm();
    let mut browser = world.visitor().await;
    let stranger = world.node(a_ring());
    drifts(&stranger).await;
    world.visible.lose_rows();
    drifts(&stranger).await;
    assert!(row(&world, ROW).await.is_none());
    world.clock.advance(MINUTE);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert!(row(&world, ROW).await.is_some());
    world.clock.advance(5 * MINUTE);
    drifts(&stranger).await;
    world.engine.ready().await.unwrap();
}

#[tokio::test]
async fn an_instance_that_drifts_takes_a_row_that_nobody_wants() {
    let world = farm();
    world.visitor().await;
    let stranger = world.node(a_ring());
    drifts(&stranger).await;
    world.visible.lose_rows();
    drifts(&stranger).await;
    world.clock.advance(2 * MINUTE - MOMENT);
    drifts(&stranger).await;
    world.clock.advance(MOMENT);
    stranger.ready().await.unwrap();
    assert!(row(&world, ROW).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c44_many_instances_with_one_ring_start_at_once() {
    let ring = a_ring();
    let world = World::builder().shared().ring(ring.clone()).build();
    let nodes: Vec<Engine> = (0..32).map(|_| world.node(ring.clone())).collect();
    let starts = nodes
        .iter()
        .cloned()
        .map(|node| async move { node.ready().await });
    let starts: Vec<_> = starts.map(tokio::spawn).collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let current = world.visible.clone().meta_get(ROW.to_owned()).await;
    assert_eq!(current.unwrap().unwrap().version.get(), 1, "claimed once");
}

#[tokio::test]
async fn the_proof_costs_one_trip_once() {
    let ring = a_ring();
    let world = World::builder().shared().ring(ring.clone()).build();
    let browser = world.visitor().await;
    let node = world.node(ring);
    world.counts.reset();
    for _ in 0..3 {
        let visit = browser.open(&node, Access::ReadOnly).await.unwrap();
        visit.finish().await.unwrap();
    }
    assert_eq!(world.counts.count(Operation::MetaGet), 1);
    assert_eq!(world.counts.count(Operation::Load), 3);
}

#[tokio::test]
async fn a_store_of_this_process_alone_has_no_rows() {
    let world = World::default();
    world.engine.ready().await.unwrap();
    let mut browser = world.visitor().await;
    world.clock.advance(2 * MINUTE);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    let rows = [Operation::MetaGet, Operation::MetaCompareAndSet];
    assert_eq!(rows.map(|operation| world.counts.count(operation)), [0, 0]);
}

#[tokio::test]
async fn c47_a_store_that_is_down_at_start_is_waited_for() {
    let world = farm();
    let down = Fault::error(StoreErrorKind::Unavailable);
    world.faults.inject(down);
    let ready = world.engine.ready().await;
    assert!(matches!(ready, Err(NotReady::Store(_))), "{ready:?}");
    let browser = Browser::default();
    let exchange = world.engine.exchange();
    for _ in 0..3 {
        let opened = exchange.open(&browser, Access::ReadWrite).await;
        assert_eq!(kind(opened), SessionErrorKind::Unavailable);
    }
    assert_eq!(answer(&exchange).await.unwrap().set_cookie, None);
    assert_eq!(
        world.counts.count(Operation::MetaGet),
        1,
        "one attempt a second"
    );
    assert_eq!(answer(&world.engine.exchange()).await.unwrap().vary, None);
    world.faults.heal();
    world.clock.advance(SECOND - MOMENT);
    let opened = browser.open(&world.engine, Access::ReadWrite).await;
    assert_eq!(kind(opened), SessionErrorKind::Unavailable);
    world.clock.advance(MOMENT);
    assert!(world.visit(&browser).await.is_new());
    world.engine.ready().await.unwrap();
    assert!(row(&world, ROW).await.is_some());
}

#[tokio::test]
async fn c47_a_readiness_probe_proves_the_ring_as_soon_as_the_store_is_there() {
    let world = farm();
    world
        .faults
        .inject(Fault::error(StoreErrorKind::Unavailable));
    world.engine.ready().await.unwrap_err();
    world.faults.heal();
    world.engine.ready().await.unwrap();
    world.visitor().await;
}

#[tokio::test(start_paused = true)]
async fn c47_a_store_that_hangs_holds_nobody_up_for_longer_than_its_deadline() {
    let world = World::builder().shared().clock(PausedClock::start());
    let world = world.build();
    world.faults.inject(Fault::hang().on(Operation::MetaGet));
    let start = tokio::time::Instant::now();
    let browser = Browser::default();
    let visits = (0..20).map(|_| {
        let (engine, browser) = (world.engine.clone(), browser.clone());
        tokio::spawn(async move { browser.open(&engine, Access::ReadOnly).await })
    });
    for visit in visits.collect::<Vec<_>>() {
        assert_eq!(kind(visit.await.unwrap()), SessionErrorKind::Unavailable);
    }
    assert!(
        start.elapsed() <= 2 * SECOND + MOMENT,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn c47_those_who_wait_for_a_proof_that_fails_do_not_try_again() {
    let world = farm();
    let gate = Gate::default();
    let held = Fault::hold(&gate).on(Operation::MetaGet);
    world.faults.inject(held.times(1));
    let lost = Fault::error(StoreErrorKind::Unavailable).on(Operation::MetaGet);
    world.faults.inject(lost.after_effect());
    let visits = (0..5).map(|_| {
        let engine = world.engine.clone();
        tokio::spawn(async move { Browser::default().open(&engine, Access::ReadOnly).await })
    });
    let visits: Vec<_> = visits.collect();
    gate.arrived(1).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    gate.open();
    for visit in visits {
        assert_eq!(kind(visit.await.unwrap()), SessionErrorKind::Unavailable);
    }
    assert_eq!(world.counts.count(Operation::MetaGet), 1);
}

#[tokio::test]
async fn a_visitor_who_leaves_does_not_undo_the_proof() {
    let world = farm();
    let gate = Gate::default();
    world
        .faults
        .inject(Fault::hold(&gate).on(Operation::MetaGet));
    let engine = world.engine.clone();
    let visitor = tokio::spawn(async move {
        let browser = Browser::default();
        browser.open(&engine, Access::ReadOnly).await.map(drop)
    });
    gate.arrived(1).await;
    visitor.abort();
    visitor.await.unwrap_err();
    gate.open();
    world.visitor().await;
    assert_eq!(world.counts.count(Operation::MetaGet), 1);
}

#[tokio::test]
async fn a_store_without_control_rows_is_served_unproved() {
    let world = farm();
    let fault = Fault::error(StoreErrorKind::Unsupported);
    world.faults.inject(fault.on(Operation::MetaGet));
    world.engine.ready().await.unwrap();
    let mut browser = world.visitor().await;
    world.clock.advance(2 * MINUTE);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert_eq!(world.counts.count(Operation::MetaGet), 1);
    assert_eq!(world.counts.count(Operation::MetaCompareAndSet), 0);
}

#[tokio::test]
async fn a_row_that_is_none_stops_those_who_start_and_nobody_else() {
    let ring = a_ring();
    let world = World::builder().shared().ring(ring.clone()).build();
    let mut browser = world.visitor().await;
    overwrite(&world, b"junk").await;
    let late = world.node(ring);
    let drift = drifts(&late).await;
    assert!(drift.to_string().contains("unreadable"), "{drift}");
    assert_serves_nothing(&late, &browser).await;
    world.clock.advance(MINUTE);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn c44_a_row_that_was_taken_back_belongs_to_whoever_comes_next() {
    let world = farm();
    world.engine.ready().await.unwrap();
    let other = world.node(a_ring());
    drifts(&other).await;
    overwrite(&world, FleetRow::RESET).await;
    other.ready().await.unwrap();
    let sealing = other
        .key_ring()
        .snapshot()
        .sealing_kid(Timestamp::default());
    let row = row(&world, ROW).await.unwrap();
    assert_eq!(row["sealing"], sealing.to_string());
    drifts(&world.node(a_ring())).await;
}

fn given(keys: &[&MachineKey]) -> KeyRing {
    KeyRing::from_tokens(keys.iter().map(|key| key.to_text().as_str().to_owned())).unwrap()
}

/// Adds one to the visitor's number on a node; the session must be there.
async fn count(node: &Engine, browser: &mut Browser) {
    let visit = browser.open(node, Access::ReadWrite).await.unwrap();
    assert!(!visit.is_new());
    visit.increment("n", 1).unwrap();
    visit.answer(browser).await;
}

#[tokio::test]
async fn c41_given_keys_rotate_by_two_deployments_and_no_request_is_refused() {
    let (old, new) = (
        MachineKey::generate().unwrap(),
        MachineKey::generate().unwrap(),
    );
    for order in [[0, 1], [1, 0]] {
        let world = World::builder().shared().ring(given(&[&old])).build();
        let mut browser = world.visitor().await;
        let mut nodes = [world.engine.clone(), world.node(given(&[&old]))];
        let deployments: [&[&MachineKey]; 3] = [&[&old, &new], &[&new, &old], &[&new]];
        for keys in deployments {
            for node in order {
                nodes[node] = world.node(given(keys));
                nodes[node].ready().await.unwrap();
                for node in [0, 1, 1, 0] {
                    count(&nodes[node], &mut browser).await;
                }
                world.clock.advance(MINUTE);
            }
        }
        assert_eq!(
            row(&world, ROW).await.unwrap()["opening"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

/// The mistake of one deployment instead of two: whoever has the old key alone does not take the
/// new one's cookies for junk.
#[tokio::test]
async fn c41_given_keys_that_rotate_at_once_lose_no_cookie() {
    let (old, new) = (
        MachineKey::generate().unwrap(),
        MachineKey::generate().unwrap(),
    );
    let world = World::builder().shared().ring(given(&[&old])).build();
    let mut early = world.visitor().await;
    let deployed = world.node(given(&[&new, &old]));
    let mut browser = Browser::default();
    let visit = browser.open(&deployed, Access::ReadWrite).await.unwrap();
    visit.insert("n", &1).unwrap();
    visit.answer(&mut browser).await;
    let opened = browser.open(&world.engine, Access::ReadWrite).await;
    assert_eq!(kind(opened), SessionErrorKind::UnknownKey);
    assert!(matches!(
        world.engine.ready().await,
        Err(NotReady::Behind(_))
    ));
    count(&world.engine, &mut early).await;
    let restarted = world.node(given(&[&old]));
    drifts(&restarted).await;
}

#[tokio::test]
async fn each_instance_says_that_it_is_there() {
    let world = World::builder().shared();
    let world = world.config(|config| config.instance("web1")).build();
    world.engine.ready().await.unwrap();
    let name = "instance/shop/web1";
    let first = row(&world, name).await.unwrap();
    let ring = world.engine.key_ring().snapshot();
    let kid = ring.sealing_kid(Timestamp::default()).to_string();
    assert_eq!(first["instance"], "web1");
    assert_eq!(first["pid"], std::process::id());
    assert_eq!(first["kids"], serde_json::json!([kid]));
    assert_eq!(first["time"], "2001-09-09T01:46:40Z");
    let mut browser = world.visitor().await;
    world.clock.advance(MINUTE);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert_eq!(
        row(&world, name).await.unwrap()["time"],
        "2001-09-09T01:47:40Z"
    );
    let visit = |visit: &Visit| visit.insert("n", &1).unwrap();
    world
        .faults
        .inject(Fault::error(StoreErrorKind::Unavailable).on(Operation::MetaCompareAndSet));
    world.clock.advance(MINUTE);
    world.change(&mut browser, visit).await;
    assert!(world.knows(&browser).await, "nobody waits for it");
}
