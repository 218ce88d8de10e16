//! Servers of the published protocol, which know nothing of ours.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use session_core::{
    Acquire, Create, EndReason, LeaseUse, Load, PrincipalKey, Revision, Save, SessionStore,
    StoreErrorKind,
};
use session_store_state_server::StateServerStore;

use crate::scripted::{LIFETIME, Peer, Request, Scripted, key, record};

/// An item of an ASP.NET state service.
#[derive(Default)]
struct Item {
    body: Vec<u8>,
    cookie: u64,
    is_locked: bool,
}

type Items = Arc<Mutex<HashMap<String, Item>>>;

/// Serves `items` as an existing state service does: bare status lines, no header of ours.
async fn serve(items: &Items) -> Scripted {
    let items = Arc::clone(items);
    Scripted::start(move |_, mut peer| {
        let items = Arc::clone(&items);
        async move { answer_all(&items, &mut peer).await }
    })
    .await
}

async fn answer_all(items: &Items, peer: &mut Peer) -> io::Result<()> {
    loop {
        let request = peer.request().await?;
        assert!(peer.is_quiet(), "one request at a time");
        assert!(!request.head.contains("Session-"), "{}", request.head);
        assert!(!request.head.contains("If-"), "{}", request.head);
        let reply = reply(&mut items.lock(), &request);
        peer.answer(&reply).await?;
    }
}

fn reply(items: &mut HashMap<String, Item>, request: &Request) -> Vec<u8> {
    let target = request.target();
    assert!(target.starts_with("session-store("), "{target}");
    let cookie = request
        .field("LockCookie")
        .map(|text| text.parse().unwrap());
    if request.is("PUT") {
        let item = items.entry(target).or_insert_with(|| Item {
            body: request.body.clone(),
            cookie: 1,
            is_locked: false,
        });
        if request.field("ExtraFlags") == Some("1") {
            return bare("200 OK", "", b"");
        }
        if item.is_locked && cookie != Some(item.cookie) {
            return locked(item);
        }
        item.body.clone_from(&request.body);
        item.is_locked = false;
        return bare("200 OK", "", b"");
    }
    let Some(item) = items.get_mut(&target) else {
        return bare("404 Not Found", "", b"");
    };
    let exclusive = request.field("Exclusive");
    match (exclusive, item.is_locked) {
        (Some("release"), _) if cookie == Some(item.cookie) => {
            item.is_locked = false;
            bare("200 OK", "", b"")
        }
        (_, true) => locked(item),
        (Some("acquire"), false) => {
            item.is_locked = true;
            item.cookie += 1;
            let fields = format!("LockCookie:{}\r\nTimeout:20\r\n", item.cookie);
            bare("200 OK", &fields, &item.body)
        }
        _ => bare("200 OK", "Timeout:20\r\n", &item.body),
    }
}

fn locked(item: &Item) -> Vec<u8> {
    let fields = format!("LockCookie:{}\r\nLockAge:0\r\n", item.cookie);
    bare("423 Locked", &fields, b"")
}

fn bare(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{status}\r\nX-AspNet-Version: 4.0.30319\r\nCache-Control: private\r\n{fields}\
         Content-Length:{length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn store(server: &Scripted) -> Arc<StateServerStore> {
    server.store_with("protocol=ms-asp&operation-timeout=500ms")
}

async fn load(store: &Arc<StateServerStore>) -> Load {
    Arc::clone(store).load(key(1)).await.unwrap()
}

#[tokio::test]
async fn sessions_live_and_end_on_a_foreign_server() {
    let server = serve(&Items::default()).await;
    let store = store(&server);
    assert_eq!(load(&store).await, Load::Absent);
    let create = || store.clone().create(key(1), record(b"one"), LIFETIME);
    assert_eq!(create().await.unwrap(), Create::Created(Revision::FIRST));
    assert_eq!(create().await.unwrap(), Create::AlreadyExists);
    let save = || {
        let (base, none) = (Revision::FIRST, LeaseUse::None);
        store
            .clone()
            .save(key(1), base, record(b"two"), LIFETIME, none)
    };
    assert_eq!(save().await.unwrap(), Save::Saved(Revision::FIRST.next()));
    match save().await.unwrap() {
        Save::Stale(loaded) => assert_eq!(loaded.record, record(b"two")),
        other => panic!("{other:?}"),
    }
    let delete = || store.clone().delete(key(1), EndReason::Destroyed);
    assert!(delete().await.unwrap());
    assert!(!delete().await.unwrap());
    let ended = EndReason::Destroyed;
    assert_eq!(load(&store).await, Load::Ended(ended));
    assert_eq!(save().await.unwrap(), Save::Ended(ended));
    assert_eq!(create().await.unwrap(), Create::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_exclude_each_other() {
    let server = serve(&Items::default()).await;
    let store = server.store_with("protocol=ms-asp&operation-timeout=20s");
    let created = store.clone().create(key(1), record(b"0"), LIFETIME).await;
    assert!(created.is_ok());
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..10 {
                    while !increment(&store).await {}
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    match load(&store).await {
        Load::Found(found) => {
            assert_eq!(found.record.payload, "60");
            assert_eq!(found.revision.get(), 61);
        }
        other => panic!("{other:?}"),
    }
}

async fn increment(store: &Arc<StateServerStore>) -> bool {
    let Load::Found(found) = load(store).await else {
        panic!("no session");
    };
    let count: u32 = std::str::from_utf8(&found.record.payload)
        .unwrap()
        .parse()
        .unwrap();
    let next = record((count + 1).to_string().as_bytes());
    let save = store
        .clone()
        .save(key(1), found.revision, next, LIFETIME, LeaseUse::None);
    matches!(save.await.unwrap(), Save::Saved(_))
}

#[tokio::test]
async fn what_it_cannot_do_is_said() {
    let server = serve(&Items::default()).await;
    let store = store(&server);
    let principal = PrincipalKey::from_bytes([1; 32]);
    let row = || "row".to_owned();
    for error in [
        store.clone().list(principal, None).await.unwrap_err(),
        store.clone().delete_all(principal, None).await.unwrap_err(),
        store.clone().meta_get(row()).await.unwrap_err(),
        store
            .clone()
            .meta_compare_and_set(row(), None, bytes::Bytes::new())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unsupported);
        assert!(error.to_string().contains("protocol=ms-asp"), "{error}");
    }
    assert!(store.clone().ping().await.is_ok());
}

/// An item that is not ours is neither taken for a session nor overwritten, and is unlocked.
#[tokio::test]
async fn foreign_items_are_left_alone() {
    let items = Items::default();
    let server = serve(&items).await;
    let store = store(&server);
    let created = store.clone().create(key(1), record(b"0"), LIFETIME).await;
    assert!(created.is_ok());
    for item in items.lock().values_mut() {
        item.body = b"an ASP.NET session".to_vec();
    }
    let (base, none) = (Revision::FIRST, LeaseUse::None);
    let save = store
        .clone()
        .save(key(1), base, record(b"1"), LIFETIME, none);
    for error in [
        store.clone().load(key(1)).await.unwrap_err(),
        save.await.unwrap_err(),
        store
            .clone()
            .delete(key(1), EndReason::Destroyed)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    }
    for item in items.lock().values() {
        assert_eq!(item.body, b"an ASP.NET session");
        assert!(!item.is_locked);
    }
}

#[tokio::test]
async fn a_lease_is_not_the_lock_of_the_server() {
    let items = Items::default();
    let server = serve(&items).await;
    let store = store(&server);
    let created = store.clone().create(key(1), record(b"0"), LIFETIME).await;
    assert!(created.is_ok());
    let lease = std::time::Duration::from_secs(30);
    let acquire = || {
        store
            .clone()
            .acquire(key(1), lease, std::time::Duration::ZERO)
    };
    let Acquire::Acquired(token, _) = acquire().await.unwrap() else {
        panic!("no lease");
    };
    assert_eq!(acquire().await.unwrap(), Acquire::Busy);
    assert!(
        matches!(load(&store).await, Load::Found(_)),
        "readers do not wait"
    );
    assert!(store.clone().release(key(1), token).await.unwrap());
    assert!(matches!(acquire().await.unwrap(), Acquire::Acquired(..)));
    assert!(items.lock().values().all(|item| !item.is_locked));
}
