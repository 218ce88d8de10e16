//! One round trip for each operation, counted between store and server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{
    Acquire, EndReason, Extend, LeaseUse, PrincipalKey, Revision, Save, SessionStore,
};
use session_store_sql::PostgresStore;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server;
use crate::sessions::{create, found, key, long, record, save};

/// Passes everything on and counts what calls for an answer.
struct Proxy {
    port: u16,
    trips: Arc<AtomicUsize>,
}

impl Proxy {
    async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let trips = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&trips);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&counter)));
            }
        });
        Self { port, trips }
    }

    /// How many round trips there were since the last call.
    fn trips(&self) -> usize {
        self.trips.swap(0, Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: u16, trips: Arc<AtomicUsize>) {
    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    // The first message has no type.
    let mut typed = false;
    while let Some(message) = message(&mut from_client, typed).await {
        if typed && matches!(message[0], b'S' | b'Q') {
            trips.fetch_add(1, Ordering::SeqCst);
        }
        typed = true;
        if to_server.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// The next message of the protocol: a type, unless it is the first, a length, and contents.
async fn message(input: &mut (impl AsyncRead + Unpin), typed: bool) -> Option<Vec<u8>> {
    let mut head = vec![0; if typed { 5 } else { 4 }];
    input.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
    let mut rest = vec![0; length as usize - 4];
    input.read_exact(&mut rest).await.ok()?;
    head.extend(rest);
    Some(head)
}

/// A store behind a proxy.
struct Scene {
    proxy: Proxy,
    store: Arc<PostgresStore>,
}

impl Scene {
    async fn new() -> Self {
        let shared = server::shared();
        let tables = shared.tables().await;
        let proxy = Proxy::before(shared.port).await;
        let names = tables.split_once("&schema=").unwrap().1;
        let store = server::store(&format!(
            "postgres://postgres:{}@localhost:{}/postgres?connections=1&write-connections=1\
             &schema={names}",
            server::PASSWORD,
            proxy.port
        ));
        Self { proxy, store }
    }

    fn store(&self) -> Arc<PostgresStore> {
        Arc::clone(&self.store)
    }

    /// One round trip since the last call, but for the first time, when statements are prepared.
    fn check(&self, first: bool, what: &str) {
        let trips = self.proxy.trips();
        assert!(first || trips == 1, "{what} took {trips} round trips");
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_write_is_one_round_trip() {
    let scene = Scene::new().await;
    let store = &scene.store;
    for (first, number) in [(true, 1), (false, 2)] {
        create(store, number, "x").await;
        scene.check(first, "create");
        found(store, number).await;
        scene.check(first, "load");
        save(store, number, Revision::FIRST, "y").await;
        scene.check(first, "save");
        save(store, number, Revision::FIRST, "stale").await;
        scene.check(first, "a stale save");
        scene.store().touch(key(number)).await.unwrap();
        scene.check(first, "touch");
        let to = key(number + 100);
        let base = Revision::FIRST.next();
        let none = LeaseUse::None;
        let rename = scene
            .store()
            .rename(key(number), to, base, record("z"), long(), none);
        assert_eq!(rename.await.unwrap(), Save::Saved(base.next()));
        scene.check(first, "rename");
        let deleted = scene.store().delete(to, EndReason::Destroyed).await;
        assert!(deleted.unwrap());
        scene.check(first, "delete");
    }
}

#[tokio::test]
async fn every_lease_is_one_round_trip() {
    let scene = Scene::new().await;
    for (first, number) in [(true, 1), (false, 2)] {
        create(&scene.store, number, "x").await;
        scene.proxy.trips();
        let lease = scene.store().acquire(key(number), MINUTE, Duration::ZERO);
        let Acquire::Acquired(token, loaded) = lease.await.unwrap() else {
            panic!("the lease is not free");
        };
        scene.check(first, "acquire");
        let extended = scene.store().extend(key(number), token, MINUTE).await;
        assert_eq!(extended.unwrap(), Extend::Extended);
        scene.check(first, "extend");
        let held = LeaseUse::Hold(token);
        let base = loaded.revision;
        let save = scene
            .store()
            .save(key(number), base, record("y"), long(), held);
        assert_eq!(save.await.unwrap(), Save::Saved(base.next()));
        scene.check(first, "a save with a lease");
        assert!(scene.store().release(key(number), token).await.unwrap());
        scene.check(first, "release");
    }
}

#[tokio::test]
async fn everything_else_is_one_round_trip() {
    let scene = Scene::new().await;
    for first in [true, false] {
        scene.store().sweep(10).await.unwrap();
        scene.check(first, "sweep");
        let principal = PrincipalKey::from_bytes([1; 32]);
        scene.store().list(principal, None).await.unwrap();
        scene.check(first, "list");
        let name = format!("row-{first}");
        let set = scene
            .store()
            .meta_compare_and_set(name.clone(), None, "v".into());
        set.await.unwrap();
        scene.check(first, "meta_compare_and_set");
        scene.store().meta_get(name).await.unwrap();
        scene.check(first, "meta_get");
        scene.store().ping().await.unwrap();
        scene.check(first, "ping");
    }
}
