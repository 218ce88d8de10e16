//! Writes that wait for a row see what the writer before them left, and writes that change
//! nothing are not taken for writes that found nothing.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Acquire, EndReason, LeaseUse, Lifetime, Load, Revision, Save, SessionStore, StoreErrorKind,
    StoreKey, Touch,
};
use session_store_sql::MysqlStore;
use tokio::sync::Mutex;

use crate::server::{self, Client};
use crate::sessions::{content, create, found, key, long, record, save};

/// A store with session 1, and somebody else who writes to its row.
struct Scene {
    store: Arc<MysqlStore>,
    url: String,
    other: Client,
}

fn literal(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

fn row(number: u32) -> String {
    format!("`key` = {}", literal(key(number).as_bytes()))
}

impl Scene {
    async fn new() -> Self {
        let url = server::shared().tables().await;
        let store = server::store(&url);
        create(&store, 1, "mine").await;
        Self {
            store,
            url,
            other: server::shared().client().await,
        }
    }

    fn store(&self) -> Arc<MysqlStore> {
        Arc::clone(&self.store)
    }

    fn table(&self) -> String {
        server::table(&self.url)
    }

    /// Somebody else changes session 1, and has not committed.
    async fn begin(&mut self, change: &str) {
        self.other.execute("BEGIN").await;
        let text = format!("UPDATE {} SET {change} WHERE {}", self.table(), row(1));
        self.other.execute(&text).await;
    }

    async fn begin_save(&mut self) {
        let theirs = literal(&content("theirs"));
        self.begin(&format!("revision = 2, content = {theirs}"))
            .await;
    }

    async fn begin_touch(&mut self) {
        self.begin("expires = expires + 1000").await;
    }

    /// Commits once `operation` waits for the row, and returns what came of it.
    async fn meet<T: Send + 'static>(
        &mut self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let task = tokio::spawn(operation);
        wait_until_blocked(&self.table()).await;
        assert!(!task.is_finished());
        self.other.execute("COMMIT").await;
        task.await.unwrap()
    }
}

/// A key on the route of session 1.
fn fresh() -> StoreKey {
    key(1_000)
}

/// One watcher at a time: the server's list of locks is a copy, which is made anew only if nobody
/// has looked at it for a tenth of a second.
static WATCHING: Mutex<()> = Mutex::const_new(());

/// Waits until somebody waits for a row of `table`.
async fn wait_until_blocked(table: &str) {
    let mut client = server::shared().client().await;
    let name = table.replace("farm.", "");
    let asked = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_locks WHERE lock_table LIKE '%`{name}`'"
    );
    let _watching = WATCHING.lock().await;
    for _ in 0..60 {
        if client.row::<i64>(&asked).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("nobody waits for {table}");
}

/// A stale save is shown the record of the writer that it waited for, not the one that it knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_save_sees_what_it_waited_for() {
    let mut scene = Scene::new().await;
    scene.begin_save().await;
    let store = scene.store();
    let outcome = scene
        .meet(async move { save(&store, 1, Revision::FIRST, "late").await })
        .await;
    let Save::Stale(theirs) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(theirs.revision, Revision::FIRST.next());
    assert_eq!(theirs.record, record("theirs"));
    assert_eq!(found(&scene.store, 1).await.record, record("theirs"));
}

/// The form that the store must not have: in one transaction, under `REPEATABLE READ`, the look
/// after a refused update shows the row as it was at the first look. If this fails the test above
/// proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_form_answers_from_its_snapshot() {
    let mut scene = Scene::new().await;
    let look = format!("SELECT revision FROM {} WHERE {}", scene.table(), row(1));
    scene.other.execute("BEGIN").await;
    assert_eq!(scene.other.row::<i64>(&look).await, 1);
    let saved = save(&scene.store, 1, Revision::FIRST, "theirs").await;
    assert_eq!(saved, Save::Saved(Revision::FIRST.next()));
    let update = format!(
        "UPDATE {} SET revision = revision + 1 WHERE revision = 1",
        scene.table()
    );
    scene.other.execute(&update).await;
    assert_eq!(scene.other.row::<i64>("SELECT ROW_COUNT()").await, 0);
    assert_eq!(scene.other.row::<i64>(&look).await, 1);
}

/// A rename sees the writer that it waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_rename_sees_what_it_waited_for() {
    let mut scene = Scene::new().await;
    scene.begin_save().await;
    let rename = scene.store().rename(
        key(1),
        fresh(),
        Revision::FIRST,
        record("renamed"),
        long(),
        LeaseUse::None,
    );
    let outcome = scene.meet(rename).await.unwrap();
    assert!(
        matches!(&outcome, Save::Stale(theirs) if theirs.record == record("theirs")),
        "{outcome:?}"
    );
    assert_eq!(scene.store().load(fresh()).await.unwrap(), Load::Absent);
}

/// The record that comes with a lease is the one that it waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_brings_what_it_waited_for() {
    let mut scene = Scene::new().await;
    scene.begin_save().await;
    let lease = Duration::from_secs(10);
    let acquire = scene.store().acquire(key(1), lease, Duration::ZERO);
    match scene.meet(acquire).await.unwrap() {
        Acquire::Acquired(_, loaded) => assert_eq!(loaded.record, record("theirs")),
        other => panic!("{other:?}"),
    }
}

/// A write whose row was changed while it waited, but not in what it depends on, is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saves_and_renames_go_on_after_a_touch() {
    let mut scene = Scene::new().await;
    scene.begin_touch().await;
    let store = scene.store();
    let outcome = scene
        .meet(async move { save(&store, 1, Revision::FIRST, "saved").await })
        .await;
    let second = Revision::FIRST.next();
    assert_eq!(outcome, Save::Saved(second));
    assert_eq!(found(&scene.store, 1).await.record, record("saved"));
    scene.begin_touch().await;
    let moved = record("renamed");
    let rename = scene
        .store()
        .rename(key(1), fresh(), second, moved, long(), LeaseUse::None);
    let outcome = scene.meet(rename).await.unwrap();
    assert_eq!(outcome, Save::Saved(second.next()));
    let old = scene.store().load(key(1)).await.unwrap();
    assert_eq!(old, Load::Ended(EndReason::Renewed));
    assert_eq!(found(&scene.store, 1_000).await.record, record("renamed"));
}

/// And a touch and a delete after a save.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touches_and_deletes_go_on_after_a_save() {
    let mut scene = Scene::new().await;
    scene.begin_save().await;
    let touch = scene.store().touch(key(1));
    assert_eq!(scene.meet(touch).await.unwrap(), Touch::Touched);
    scene.begin_touch().await;
    let delete = scene.store().delete(key(1), EndReason::Revoked);
    assert!(scene.meet(delete).await.unwrap());
    let load = scene.store().load(key(1)).await.unwrap();
    assert_eq!(load, Load::Ended(EndReason::Revoked));
}

/// A write of the same bytes is a write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_bytes_are_saved() {
    let scene = Scene::new().await;
    let mut base = Revision::FIRST;
    for _ in 0..3 {
        let saved = save(&scene.store, 1, base, "mine").await;
        base = base.next();
        assert_eq!(saved, Save::Saved(base));
    }
    assert_eq!(found(&scene.store, 1).await.revision, base);
}

/// A touch at the absolute deadline finds the session and changes nothing in its row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_touch_that_changes_nothing_found_a_session() {
    let scene = Scene::new().await;
    let lifetime = Lifetime {
        idle: Duration::from_secs(600),
        absolute: Duration::from_secs(600),
    };
    let created = scene.store().create(key(2), record("x"), lifetime);
    created.await.unwrap();
    for _ in 0..2 {
        let touched = scene.store().touch(key(2)).await.unwrap();
        assert_eq!(touched, Touch::Touched);
    }
}

/// An assignment that comes later sees what one before it has set, unless the server is told
/// otherwise. Neither makes a difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifetimes_do_not_depend_on_the_order_of_assignments() {
    let scene = Scene::new().await;
    let shorter = Lifetime {
        idle: Duration::from_secs(900),
        absolute: Duration::from_secs(300),
    };
    let base = Revision::FIRST;
    let save = scene
        .store()
        .save(key(1), base, record("x"), shorter, LeaseUse::None);
    assert_eq!(save.await.unwrap(), Save::Saved(base.next()));
    let mut client = server::shared().client().await;
    let text = format!(
        "SELECT expires = ends, due = ends FROM {} WHERE {}",
        scene.table(),
        row(1)
    );
    assert_eq!(client.row::<(i64, i64)>(&text).await, (1, 1));
}

/// A row that is locked for too long (1205) is an error that says so, and the row is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_never_given_up_is_an_error() {
    let mut scene = Scene::new().await;
    scene.begin_touch().await;
    let hasty = MysqlStore::builder(&format!("{}&operation-timeout=1400ms", scene.url));
    let hasty = Arc::new(hasty.unwrap().build().unwrap());
    let base = Revision::FIRST;
    let late = Arc::clone(&hasty).save(key(1), base, record("late"), long(), LeaseUse::None);
    let error = late.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");
    let moved = record("moved");
    let late = hasty.rename(key(1), fresh(), base, moved, long(), LeaseUse::None);
    let error = late.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut, "{error}");
    scene.other.execute("COMMIT").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(scene.store().load(fresh()).await.unwrap(), Load::Absent);
}

/// A deadlock (1213) that the store's transaction is the victim of is tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_tried_again() {
    let mut scene = Scene::new().await;
    let table = scene.table();
    for number in 2..30 {
        create(&scene.store, number, "x").await;
    }
    // The victim is who has changed less.
    scene.other.execute("BEGIN").await;
    let heavy = format!("DELETE FROM {table} WHERE NOT {}", row(1));
    scene
        .other
        .execute(&heavy.replace("NOT `key` =", "`key` >"))
        .await;
    let moved = record("moved");
    let base = Revision::FIRST;
    let rename = scene
        .store()
        .rename(key(1), key(2), base, moved, long(), LeaseUse::None);
    let task = tokio::spawn(rename);
    wait_until_blocked(&table).await;
    let cross = format!("UPDATE {table} SET labels = '' WHERE {}", row(1));
    scene.other.execute(&cross).await;
    scene.other.execute("COMMIT").await;
    assert_eq!(task.await.unwrap().unwrap(), Save::Saved(base.next()));
    assert_eq!(found(&scene.store, 2).await.record, record("moved"));
}
