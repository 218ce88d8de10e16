//! Writes that wait for a row see what the writer before them left.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Acquire, EndReason, LeaseUse, Load, Revision, Save, SessionStore, StoreKey, Touch,
};
use session_store_sql::PostgresStore;
use tokio_postgres::Client;

use crate::server;
use crate::sessions::{content, create, found, key, long, record, save};

/// A store with session 1, whose row somebody else is writing, and that somebody.
struct Scene {
    store: Arc<PostgresStore>,
    table: String,
    other: Client,
}

impl Scene {
    async fn new() -> Self {
        let url = server::shared().tables().await;
        let store = server::store(&url);
        create(&store, 1, "mine").await;
        Self {
            store,
            table: server::table(&url),
            other: server::shared().client().await,
        }
    }

    /// Somebody else saves, and has not committed.
    async fn begin_save(&self) {
        let text = format!(
            "UPDATE {} SET revision = 2, content = $1 WHERE key = $2",
            self.table
        );
        self.begin(&text, "theirs").await;
    }

    /// Somebody else touches, and has not committed.
    async fn begin_touch(&self) {
        let text = format!(
            "UPDATE {} SET expires = expires + interval '1 s', labels = $1 WHERE key = $2",
            self.table
        );
        self.begin(&text, "").await;
    }

    async fn begin(&self, text: &str, payload: &str) {
        self.other.batch_execute("BEGIN").await.unwrap();
        let bytes = match payload {
            "" => b"labels".to_vec(),
            payload => content(payload),
        };
        let changed = self.other.execute(text, &[&bytes, &key_bytes(1)]).await;
        assert_eq!(changed.unwrap(), 1);
    }

    /// Commits once `operation` waits for the row, and returns what came of it.
    async fn meet<T: Send + 'static>(
        &self,
        operation: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let task = tokio::spawn(operation);
        wait_until_blocked(&self.table).await;
        assert!(!task.is_finished());
        self.other.batch_execute("COMMIT").await.unwrap();
        task.await.unwrap()
    }

    fn store(&self) -> Arc<PostgresStore> {
        Arc::clone(&self.store)
    }
}

fn key_bytes(number: u32) -> Vec<u8> {
    key(number).as_bytes().to_vec()
}

/// A key on the route of session 1.
fn fresh() -> StoreKey {
    key(1_000)
}

/// Completes when a statement on the table waits for a row.
pub(crate) async fn wait_until_blocked(table: &str) {
    let client = server::shared().client().await;
    let (_, name) = table.split_once('.').unwrap();
    let waiting = format!("%\"{name}\"%");
    let asked = "SELECT count(*) FROM pg_stat_activity \
                 WHERE wait_event_type = 'Lock' AND query LIKE $1";
    loop {
        let row = client.query_one(asked, &[&waiting]).await.unwrap();
        if row.get::<_, i64>(0) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A stale save is shown the record of the writer that it waited for, not the one that it knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_save_sees_what_it_waited_for() {
    let scene = Scene::new().await;
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

/// The form that the store must not have: beside the update, a select that does not lock shows
/// the row of the statement's snapshot. If this fails the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_form_answers_from_its_snapshot() {
    let scene = Scene::new().await;
    scene.begin_save().await;
    let client = server::shared().client().await;
    let table = scene.table.replace("farm.", "farm.\"") + "\"";
    let text = format!(
        "WITH u AS (UPDATE {table} SET revision = revision + 1 \
         WHERE key = $1 AND revision = 1 RETURNING revision) \
         SELECT revision FROM u UNION ALL SELECT revision FROM {table} WHERE key = $1"
    );
    let rows = scene
        .meet(async move { client.query(&text, &[&key_bytes(1)]).await.unwrap() })
        .await;
    let revisions: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(revisions, [1], "the stale writer is shown its own base");
}

/// A rename sees the writer that it waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_rename_sees_what_it_waited_for() {
    let scene = Scene::new().await;
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
    let scene = Scene::new().await;
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
async fn a_save_goes_on_after_a_touch() {
    let scene = Scene::new().await;
    scene.begin_touch().await;
    let store = scene.store();
    let outcome = scene
        .meet(async move { save(&store, 1, Revision::FIRST, "saved").await })
        .await;
    assert_eq!(outcome, Save::Saved(Revision::FIRST.next()));
    assert_eq!(found(&scene.store, 1).await.record, record("saved"));
}

/// The same for a rename: both of its rows are written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_goes_on_after_a_touch() {
    let scene = Scene::new().await;
    scene.begin_touch().await;
    let rename = scene.store().rename(
        key(1),
        fresh(),
        Revision::FIRST,
        record("renamed"),
        long(),
        LeaseUse::None,
    );
    let outcome = scene.meet(rename).await.unwrap();
    assert_eq!(outcome, Save::Saved(Revision::FIRST.next()));
    let old = scene.store().load(key(1)).await.unwrap();
    assert_eq!(old, Load::Ended(EndReason::Renewed));
    assert_eq!(found(&scene.store, 1_000).await.record, record("renamed"));
}

/// And for a touch and a delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn touches_and_deletes_go_on_after_a_save() {
    let scene = Scene::new().await;
    scene.begin_save().await;
    let touched = scene.meet(scene.store().touch(key(1))).await;
    assert_eq!(touched.unwrap(), Touch::Touched);
    scene.begin_touch().await;
    let delete = scene.store().delete(key(1), EndReason::Revoked);
    assert!(scene.meet(delete).await.unwrap());
    let load = scene.store().load(key(1)).await.unwrap();
    assert_eq!(load, Load::Ended(EndReason::Revoked));
}
