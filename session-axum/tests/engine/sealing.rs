//! Records that others can see: sealed, and refused when somebody touched them.

use std::sync::Arc;

use session_core::{
    Access, Clock, Engine, EngineError, KeyRing, KeyRingOptions, Loaded, Record, SessionConfig,
    SessionErrorKind, SessionStore,
};

use crate::support::{APP, Browser, HOUR, Visit, World, a_ring, kind};

const CANARY: &str = "canary-7f3a9c";

fn shared() -> World {
    World::builder().shared().build()
}

/// A browser whose session holds the canary everywhere.
async fn with_canary(world: &World) -> Browser {
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.insert(CANARY, CANARY).unwrap();
            visit.set_label("device", CANARY).unwrap();
            visit.log_in(CANARY).unwrap();
        })
        .await;
    browser
}

fn shows_canary(record: &Record) -> bool {
    let found = |bytes: &[u8]| {
        let mut windows = bytes.windows(CANARY.len());
        windows.any(|window| window == CANARY.as_bytes())
    };
    found(&record.payload) || found(&record.labels)
}

#[tokio::test]
async fn s26_what_others_can_see_is_sealed() {
    let world = shared();
    let browser = with_canary(&world).await;
    let written = world.visible.written();
    assert!(written.len() >= 2 && !written.iter().any(|(_, record)| shows_canary(record)));
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get::<String>(CANARY).unwrap().unwrap(), CANARY);
    let plain = World::default();
    with_canary(&plain).await;
    assert!(shows_canary(&plain.visible.last().1), "the test can fail");
}

/// The visitor's session is refused with what the edit makes of it, kept as it is, and the
/// others are fine.
async fn refused(edit: impl Fn(&mut Loaded) + Send + Sync + 'static) {
    let world = shared();
    let victim = world.visitor().await;
    let (key, _) = world.visible.last();
    let other = world.visitor().await;
    world.visible.edit(move |row, loaded| {
        if row == key {
            edit(loaded);
        }
    });
    let writes = world.visible.written().len();
    let error = victim.open(&world.engine, Access::ReadWrite).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (SessionErrorKind::Corrupt, 500)
    );
    assert_eq!(
        world.number(&other, "n").await,
        Some(0),
        "the others are fine"
    );
    assert_eq!(world.visible.written().len(), writes, "it is kept");
    world.visible.leave_alone();
    assert_eq!(world.number(&victim, "n").await, Some(0));
}

fn flip(loaded: &mut Loaded, byte: usize) {
    let mut payload = loaded.record.payload.to_vec();
    let byte = byte.min(payload.len() - 1);
    payload[byte] ^= 1;
    loaded.record.payload = payload.into();
}

#[tokio::test]
async fn c53_s07_an_edited_row_is_refused_and_kept() {
    for byte in [0, 1, 8, 20, 40, usize::MAX] {
        refused(move |loaded| flip(loaded, byte)).await;
    }
    refused(|loaded| loaded.record.payload = loaded.record.payload.slice(1..)).await;
    refused(|loaded| loaded.record.payload = bytes::Bytes::new()).await;
    refused(|loaded| loaded.record.payload = vec![0x80].into()).await;
    refused(|loaded| loaded.record.payload = vec![0xc1; 10_000].into()).await;
}

#[tokio::test]
async fn s10_nobody_can_move_the_deadline_in_the_store() {
    refused(|loaded| loaded.record.deadline = loaded.record.deadline.saturating_add(HOUR)).await;
    refused(|loaded| loaded.record.created = loaded.record.created.saturating_add(HOUR)).await;
    refused(|loaded| loaded.revision = loaded.revision.next()).await;
}

#[tokio::test]
async fn s07_a_row_moved_to_another_key_is_refused() {
    let world = shared();
    let mut thief = world.visitor().await;
    world
        .change(&mut thief, |visit| visit.log_in("mallory").unwrap())
        .await;
    let mut admin = world.visitor().await;
    world
        .change(&mut admin, |visit| visit.log_in("admin").unwrap())
        .await;
    let (_, stolen) = world.visible.last();
    world
        .visible
        .edit(move |_, loaded| loaded.record = stolen.clone());
    let moved = thief.open(&world.engine, Access::ReadOnly).await;
    assert_eq!(kind(moved), SessionErrorKind::Corrupt);
    let visit = world.visit(&admin).await;
    assert_eq!(visit.principal().as_deref(), Some("admin"), "its own key");
}

#[tokio::test]
async fn s07_an_older_payload_under_a_newer_revision_is_refused() {
    let world = shared();
    let mut browser = world.visitor().await;
    let (_, older) = world.visible.last();
    world
        .change(&mut browser, |visit| visit.insert("n", &1).unwrap())
        .await;
    world
        .visible
        .edit(move |_, loaded| loaded.record = older.clone());
    let replayed = browser.open(&world.engine, Access::ReadOnly).await;
    assert_eq!(kind(replayed), SessionErrorKind::Corrupt);
}

#[tokio::test]
async fn a_row_that_is_edited_before_a_merge_is_refused_too() {
    let world = shared();
    let browser = world.visitor().await;
    let slow = world.visit(&browser).await;
    slow.insert("m", &1).unwrap();
    world
        .change(&mut browser.clone(), |visit| visit.insert("n", &1).unwrap())
        .await;
    world.visible.edit(|_, loaded| flip(loaded, 40));
    assert_eq!(kind(slow.finish().await), SessionErrorKind::Corrupt);
    world.visible.leave_alone();
    assert_eq!(world.number(&browser, "n").await, Some(1));
    assert_eq!(world.number(&browser, "m").await, None);
}

#[tokio::test]
async fn labels_are_refused_when_asked_for_and_not_before() {
    let world = shared();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.set_label("device", "phone").unwrap()
        })
        .await;
    world.visible.edit(|_, loaded| {
        let mut labels = loaded.record.labels.to_vec();
        labels[30] ^= 1;
        loaded.record.labels = labels.into();
    });
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0));
    assert_eq!(kind(visit.label("device")), SessionErrorKind::Corrupt);
    assert_eq!(
        kind(visit.set_label("place", "x")),
        SessionErrorKind::Corrupt
    );
}

#[tokio::test]
async fn c53_garbage_in_memory_is_refused_and_kept() {
    let world = World::default();
    let browser = world.visitor().await;
    let before = world.visible.written().len();
    world
        .visible
        .edit(|_, loaded| loaded.record.payload = vec![0xc1].into());
    let opened = browser.open(&world.engine, Access::ReadWrite).await;
    assert_eq!(kind(opened), SessionErrorKind::Corrupt);
    assert_eq!(world.visible.written().len(), before);
}

#[tokio::test]
async fn c43_s33_another_application_on_the_same_store_and_ring_sees_nothing() {
    let ring = a_ring();
    let world = World::builder().shared().ring(ring.clone()).build();
    let browser = world.visitor().await;
    let (_, ours) = world.visible.last();
    let config = SessionConfig::builder("blog").build().unwrap();
    let store: Arc<dyn SessionStore> = world.counts.clone();
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let blog = Engine::with_clock(config, ring, store, clock).unwrap();
    // Asks the store once whether the ring is the farm's.
    blog.ready().await.unwrap();
    world.counts.reset();
    let access = Access::ReadWrite;
    let visit = browser.open(&blog, access).await.unwrap();
    assert!(visit.is_new() && world.counts.total() == 0);
    let mut reader = Browser::default();
    visit.insert("n", &0).unwrap();
    reader.note(&visit.finish().await.unwrap());
    world
        .visible
        .edit(move |_, loaded| loaded.record = ours.clone());
    assert_eq!(
        kind(reader.open(&blog, access).await),
        SessionErrorKind::Corrupt
    );
}

fn engine(ring: KeyRing, absolute_hours: u32) -> Result<Engine, EngineError> {
    let config = SessionConfig::builder(APP).absolute_timeout(HOUR * absolute_hours);
    let world = shared();
    Engine::new(config.build().unwrap(), ring, world.counts)
}

#[tokio::test]
async fn a_ring_of_one_process_is_refused_for_a_store_of_many() {
    let error = engine(KeyRing::ephemeral().unwrap(), 12).unwrap_err();
    assert!(matches!(error, EngineError::EphemeralRing { .. }));
    assert!(error.to_string().contains("SESSION_MACHINE_KEY"), "{error}");
    engine(a_ring(), 12).unwrap();
}

#[tokio::test]
async fn a_session_that_would_outlive_its_key_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let options = KeyRingOptions::new().longest_lifetime(24 * HOUR);
    let path = folder.path().join("ring.toml");
    let ring = options.open_or_create(path).unwrap();
    engine(ring.clone(), 24).unwrap();
    let error = engine(ring, 25).unwrap_err();
    assert!(matches!(error, EngineError::OutlivesRing { .. }), "{error}");
}

#[tokio::test]
async fn s29_nothing_shows_the_token_or_a_value() {
    let world = shared();
    let mut browser = Browser::default();
    let write = |visit: &Visit| visit.insert("name", CANARY).unwrap();
    world.change(&mut browser, write).await;
    let visit = world.visit(&browser).await;
    visit.insert("name", &format!("{CANARY}!")).unwrap();
    let error = visit.get::<i64>("name").unwrap_err();
    let shown = format!("{visit:?} {:?} {error:?} {error}", world.engine);
    let line = browser.line.clone().unwrap();
    let token = line.split_once('=').unwrap().1;
    assert!(!shown.contains(token) && !shown.contains(CANARY), "{shown}");
}
