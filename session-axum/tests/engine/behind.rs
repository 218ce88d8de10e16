//! Rings of one farm that are not brought up to date at the same moment.

use session_core::testing::{Fault, Operation};
use session_core::{Access, Engine, MachineKey, NotReady, SessionErrorKind, StoreErrorKind};

use crate::support::{
    Browser, END, FIRST, HOUR, MINUTE, RingFile, SECOND, SECOND_KEY, World, answer, kind, live,
    revoked, rotated, two_keys,
};

/// Two hours after the manual clock's start.
const LATER: &str = "2001-09-09T03:46:40Z";

/// Two instances, each with a copy of the farm's ring file, and the two keys of the rotation.
struct Pair {
    files: [RingFile; 2],
    world: World,
    nodes: [Engine; 2],
    old: MachineKey,
    new: MachineKey,
}

impl Pair {
    async fn start() -> Self {
        let (old, new) = two_keys();
        let copy = || RingFile::new(&[live(&old, FIRST, None)]);
        let files = [copy(), copy()];
        let world = World::builder().shared().ring(files[0].open());
        let world = world
            .config(|config| config.idle_timeout(12 * HOUR))
            .build();
        let nodes = [world.engine.clone(), world.node(files[1].open())];
        for node in &nodes {
            node.ready().await.unwrap();
        }
        Self {
            files,
            world,
            nodes,
            old,
            new,
        }
    }

    /// Lets a minute pass, in which each instance reads its ring again.
    async fn pass_a_minute(&self) {
        self.world.clock.advance(MINUTE);
        for node in &self.nodes {
            let stranger = Browser::default();
            // Refused where the ring has drifted; a probe finds that out as well.
            let _ = stranger.open(node, Access::ReadOnly).await.map(drop);
            let _ = node.ready().await;
            assert!(node.drain(MINUTE).await);
        }
    }

    /// Gives the first instance the rotated ring, whose new key seals from `not_before`.
    async fn rotate_first(&self, not_before: &str) {
        self.files[0].write(2, &self.rotated(not_before));
        self.pass_a_minute().await;
    }

    fn rotated(&self, not_before: &str) -> [String; 2] {
        [
            live(&self.old, FIRST, Some(END)),
            live(&self.new, not_before, None),
        ]
    }
}

async fn count(node: &Engine, browser: &mut Browser) -> i64 {
    let visit = browser.open(node, Access::ReadWrite).await.unwrap();
    assert!(!visit.is_new(), "the session was lost");
    let number = visit.get::<i64>("n").unwrap().unwrap() + 1;
    visit.insert("n", &number).unwrap();
    visit.answer(browser).await;
    number
}

/// A visitor of one node, in whose session `n` is 0.
async fn visitor(node: &Engine) -> Browser {
    let mut browser = Browser::default();
    let visit = browser.open(node, Access::ReadWrite).await.unwrap();
    visit.insert("n", &0).unwrap();
    visit.answer(&mut browser).await;
    browser
}

async fn assert_behind(node: &Engine, missing: &MachineKey) {
    match node.ready().await {
        Err(NotReady::Behind(behind)) => assert_eq!(behind.missing_kids(), [missing.kid()]),
        other => unreachable!("not behind: {other:?}"),
    }
}

#[tokio::test]
async fn c41_a_new_ring_is_staged_in_either_order_and_no_request_is_refused() {
    for order in [[0, 1], [1, 0]] {
        let pair = Pair::start().await;
        let mut browser = visitor(&pair.nodes[0]).await;
        let mut expected = 0;
        let rotated = pair.rotated(LATER);
        for node in order {
            pair.files[node].write(2, &rotated);
            pair.pass_a_minute().await;
            for node in [0, 1, 1, 0] {
                expected += 1;
                assert_eq!(count(&pair.nodes[node], &mut browser).await, expected);
                pair.nodes[node].ready().await.unwrap();
            }
        }
        pair.world.clock.advance(2 * HOUR);
        for node in [0, 1, 1, 0] {
            expected += 1;
            assert_eq!(count(&pair.nodes[node], &mut browser).await, expected);
            pair.nodes[node].ready().await.unwrap();
        }
    }
}

#[tokio::test]
async fn c41_an_instance_without_the_new_key_refuses_its_cookies_and_keeps_them() {
    let pair = Pair::start().await;
    let mut early = visitor(&pair.nodes[1]).await;
    pair.rotate_first(SECOND_KEY).await;
    let mut browser = visitor(&pair.nodes[0]).await;
    pair.world.counts.reset();
    for access in [Access::ReadOnly, Access::ReadWrite, Access::Exclusive] {
        let exchange = pair.nodes[1].exchange();
        let error = exchange.open(&browser, access).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::UnknownKey);
        assert_eq!((error.status(), error.retry_after()), (503, Some(SECOND)));
        assert_eq!(answer(&exchange).await.unwrap().set_cookie, None);
    }
    assert!(
        pair.world.counts.total() <= 1,
        "at most one reading of the row"
    );
    assert_behind(&pair.nodes[1], &pair.new).await;
    pair.nodes[0].ready().await.unwrap();
    count(&pair.nodes[1], &mut early).await;
    pair.files[1].write(2, &pair.rotated(SECOND_KEY));
    pair.world.clock.advance(5 * SECOND);
    count(&pair.nodes[1], &mut browser).await;
    pair.nodes[1].ready().await.unwrap();
}

#[tokio::test]
async fn c41_readiness_recovers_without_a_request() {
    let pair = Pair::start().await;
    pair.rotate_first(SECOND_KEY).await;
    assert_behind(&pair.nodes[1], &pair.new).await;
    pair.files[1].write(2, &pair.rotated(SECOND_KEY));
    pair.world.clock.advance(5 * SECOND);
    pair.nodes[1].ready().await.unwrap();
}

/// A ring that only waits for its new key is as good as the newer one.
#[tokio::test]
async fn c41_an_instance_without_a_pending_key_is_ready() {
    let pair = Pair::start().await;
    pair.rotate_first(LATER).await;
    pair.nodes[1].ready().await.unwrap();
    let mut browser = visitor(&pair.nodes[0]).await;
    count(&pair.nodes[1], &mut browser).await;
    pair.world.clock.advance(2 * HOUR);
    let sealed_later = visitor(&pair.nodes[0]).await;
    let opened = sealed_later.open(&pair.nodes[1], Access::ReadOnly).await;
    assert_eq!(kind(opened), SessionErrorKind::UnknownKey);
    assert_behind(&pair.nodes[1], &pair.new).await;
    pair.world.clock.advance(6 * SECOND);
    assert_behind(&pair.nodes[1], &pair.new).await;
}

#[tokio::test]
async fn c44_an_instance_that_starts_with_an_outdated_ring_is_refused() {
    let pair = Pair::start().await;
    pair.rotate_first(SECOND_KEY).await;
    let late = pair.world.node(pair.files[1].open());
    assert!(matches!(late.ready().await, Err(NotReady::Drift(_))));
    let ring = pair.files[1].open();
    pair.files[1].write(2, &rotated(&pair.old, &pair.new));
    pair.world.node(ring).ready().await.unwrap();
    late.ready().await.unwrap();
}

/// Within the five seconds, or while the store is down, nothing is known of a key.
#[tokio::test]
async fn c41_a_key_is_not_judged_by_a_row_that_cannot_be_read() {
    let pair = Pair::start().await;
    pair.files[0].write(2, &pair.rotated(SECOND_KEY));
    assert!(pair.nodes[0].key_ring().refresh().unwrap());
    let browser = visitor(&pair.nodes[0]).await;
    let fault = Fault::error(StoreErrorKind::Unavailable).on(Operation::MetaGet);
    pair.world.faults.inject(fault);
    for _ in 0..2 {
        let visit = browser
            .open(&pair.nodes[1], Access::ReadWrite)
            .await
            .unwrap();
        assert!(visit.is_new());
        visit.insert("n", &1).unwrap();
        assert_eq!(kind(visit.finish().await), SessionErrorKind::UnknownKey);
    }
    pair.nodes[1].ready().await.unwrap();
}

/// The first token of the key that took a revoked one's place shows what has happened.
#[tokio::test]
async fn c42_a_cookie_after_an_emergency_is_kept_by_instances_that_have_not_heard_of_it() {
    let pair = Pair::start().await;
    let replaced = [revoked(&pair.old), live(&pair.new, SECOND_KEY, None)];
    pair.files[0].write(2, &replaced);
    pair.world.clock.advance(MINUTE);
    pair.nodes[0].ready().await.unwrap();
    assert!(pair.nodes[0].drain(MINUTE).await);
    let browser = visitor(&pair.nodes[0]).await;
    let exchange = pair.nodes[1].exchange();
    let opened = exchange.open(&browser, Access::ReadWrite).await;
    assert_eq!(kind(opened), SessionErrorKind::KeyRingDrift);
    assert_eq!(answer(&exchange).await.unwrap().set_cookie, None);
}

#[tokio::test]
async fn c42_a_revoked_key_is_refused_everywhere_within_two_periods() {
    let pair = Pair::start().await;
    let browser = visitor(&pair.nodes[1]).await;
    let replaced = [revoked(&pair.old), live(&pair.new, SECOND_KEY, None)];
    pair.files[0].write(2, &replaced);
    pair.pass_a_minute().await;
    let visit = browser.open(&pair.nodes[0], Access::ReadOnly).await;
    assert!(visit.unwrap().is_new());
    pair.pass_a_minute().await;
    let opened = browser.open(&pair.nodes[1], Access::ReadOnly).await;
    assert_eq!(kind(opened), SessionErrorKind::KeyRingDrift);
    let ready = pair.nodes[1].ready().await;
    assert!(matches!(ready, Err(NotReady::Drift(_))), "{ready:?}");
    pair.files[1].write(2, &replaced);
    pair.nodes[1].ready().await.unwrap();
    let visit = browser.open(&pair.nodes[1], Access::ReadOnly).await;
    assert!(visit.unwrap().is_new(), "and the old cookie is dead");
}
