//! How many round trips operations take.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Acquire, EndReason, LeaseUse, Load, PrincipalKey, Revision, Save, SessionStore,
};
use session_store_sql::MysqlStore;

use crate::proxy::Proxy;
use crate::server;
use crate::sessions::{create, found, key, long, record, save};

struct Scene {
    store: Arc<MysqlStore>,
    proxy: Proxy,
}

impl Scene {
    async fn new() -> Self {
        let server = server::shared();
        let proxy = Proxy::before(server.port).await;
        let url = server.tables().await;
        let (_, table) = url.split_once("table=").unwrap();
        let (port, password) = (proxy.port, server::PASSWORD);
        // One connection, so that it has prepared what it is asked for the second time.
        let url = format!("mysql://app:{password}@127.0.0.1:{port}/farm?pool=1&table={table}");
        let store = server::store(&url);
        Self { store, proxy }
    }

    fn store(&self) -> Arc<MysqlStore> {
        Arc::clone(&self.store)
    }

    fn assert_trips(&self, expected: u64, what: &str) {
        assert_eq!(self.proxy.trips(), expected, "{what}");
    }

    async fn rename(&self, from: u32, to: u32, base: Revision) -> Save {
        let moved = record("renamed");
        let lease = LeaseUse::None;
        let renamed = self
            .store()
            .rename(key(from), key(to), base, moved, long(), lease);
        renamed.await.unwrap()
    }

    /// What a request does where nothing stands in its way.
    async fn plain_path(&self, first: u32) -> Vec<u64> {
        let mut trips = Vec::new();
        let base = Revision::FIRST;
        self.proxy.trips();
        create(&self.store, first, "0").await;
        trips.push(self.proxy.trips());
        found(&self.store, first).await;
        trips.push(self.proxy.trips());
        let loaded = found(&self.store, first).await;
        let saved = save(&self.store, first, loaded.revision, "1").await;
        assert_eq!(saved, Save::Saved(base.next()));
        trips.push(self.proxy.trips());
        let renamed = self.rename(first, first + 1, base.next()).await;
        assert_eq!(renamed, Save::Saved(base.next().next()));
        trips.push(self.proxy.trips());
        let ended = self.store().delete(key(first + 1), EndReason::Destroyed);
        assert!(ended.await.unwrap());
        trips.push(self.proxy.trips());
        trips
    }
}

/// New, read, read and write, renew, logout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_path_takes_no_trip_too_many() {
    let scene = Scene::new().await;
    scene.plain_path(0).await;
    assert_eq!(scene.plain_path(10).await, [1, 1, 2, 1, 1]);
}

/// One more on a conflict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_takes_one_more() {
    let scene = Scene::new().await;
    scene.plain_path(0).await;
    create(&scene.store, 10, "0").await;
    let base = Revision::FIRST;
    save(&scene.store, 10, base, "1").await;
    scene.proxy.trips();
    let stale = save(&scene.store, 10, base, "2").await;
    assert!(matches!(stale, Save::Stale(_)), "{stale:?}");
    scene.assert_trips(2, "stale save");
    assert_eq!(save(&scene.store, 11, base, "2").await, Save::Missing);
    scene.assert_trips(2, "save of no session");
    let stale = scene.rename(10, 12, base).await;
    assert!(matches!(stale, Save::Stale(_)), "{stale:?}");
    scene.assert_trips(2, "stale rename");
    let ended = scene.store().load(key(0)).await.unwrap();
    assert_eq!(ended, Load::Ended(EndReason::Renewed));
    scene.assert_trips(1, "load of an ended session");
}

/// One more for a lease, and none to write with it or to give it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_takes_one_more() {
    let scene = Scene::new().await;
    create(&scene.store, 1, "0").await;
    let mut base = Revision::FIRST;
    for round in 0..2 {
        scene.proxy.trips();
        let second = Duration::from_secs(10);
        let acquired = scene.store().acquire(key(1), second, second).await;
        let Acquire::Acquired(token, _) = acquired.unwrap() else {
            panic!("not acquired");
        };
        let acquire = scene.proxy.trips();
        scene.store().extend(key(1), token, second).await.unwrap();
        let extend = scene.proxy.trips();
        let lease = LeaseUse::Release(token);
        let saved = scene.store().save(key(1), base, record("1"), long(), lease);
        base = base.next();
        assert_eq!(saved.await.unwrap(), Save::Saved(base));
        let save = scene.proxy.trips();
        if round == 1 {
            assert_eq!((acquire, extend, save), (2, 1, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_takes_one() {
    let scene = Scene::new().await;
    create(&scene.store, 1, "0").await;
    for round in 0..2_u8 {
        scene.proxy.trips();
        scene.store().touch(key(1)).await.unwrap();
        let touch = scene.proxy.trips();
        let principal = PrincipalKey::from_bytes([1; 32]);
        scene.store().list(principal, None).await.unwrap();
        let list = scene.proxy.trips();
        scene.store().ping().await.unwrap();
        let ping = scene.proxy.trips();
        let name = format!("row {round}");
        let write = scene
            .store()
            .meta_compare_and_set(name.clone(), None, "x".into());
        write.await.unwrap();
        let write = scene.proxy.trips();
        scene.store().meta_get(name).await.unwrap();
        let read = scene.proxy.trips();
        if round == 1 {
            assert_eq!([touch, list, ping, write, read], [1; 5]);
        }
    }
}
