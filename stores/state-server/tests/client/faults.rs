//! Connections that break anywhere, and servers that go and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use session_core::{LeaseUse, Load, Revision, Save, SessionStore, StoreError, StoreErrorKind};
use session_store_state_server::StateServerStore;
use tokio::net::TcpListener;

use crate::scripted::{LIFETIME, key, record};
use crate::shelf::{Cut, Shelf, Wire, serve, serve_on};

const OLD: &[u8] = b"what was there before";
const NEW: &[u8] = b"what is there now";

fn store(address: &str) -> Arc<StateServerStore> {
    let url = format!("state-server://{address}?connections=1");
    Arc::new(StateServerStore::builder(&url).unwrap().build())
}

async fn create(store: &Arc<StateServerStore>, number: u32) {
    let created = Arc::clone(store).create(key(number), record(OLD), LIFETIME);
    created.await.unwrap();
}

async fn save(store: &Arc<StateServerStore>, number: u32) -> Result<Save, StoreError> {
    let store = Arc::clone(store);
    let save = store.save(
        key(number),
        Revision::FIRST,
        record(NEW),
        LIFETIME,
        LeaseUse::None,
    );
    save.await
}

/// The revision that is there, with the payload that belongs to it.
async fn revision(store: &Arc<StateServerStore>, number: u32) -> u64 {
    match Arc::clone(store).load(key(number)).await.unwrap() {
        Load::Found(loaded) => {
            let revision = loaded.revision.get();
            assert_eq!(loaded.record, record([OLD, NEW][revision as usize - 1]));
            revision
        }
        other => panic!("{other:?}"),
    }
}

/// Saves over wires that break one byte later each time, until one does not break. Returns how
/// many broke.
async fn cut_saves_everywhere(cut: fn(usize) -> Cut) -> usize {
    let server = serve(Shelf::default()).await;
    let direct = store(&server.address);
    for bytes in 0.. {
        let number = bytes as u32;
        create(&direct, number).await;
        let wire = Wire::to(&server.address, cut(bytes)).await;
        let saved = save(&store(&wire.address), number).await;
        let revision = revision(&direct, number).await;
        match &saved {
            Ok(saved) => {
                assert_eq!(*saved, Save::Saved(Revision::FIRST.next()));
                assert_eq!(revision, 2, "cut after {bytes} bytes");
            }
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
        }
        if !wire.has_broken() {
            assert!(saved.is_ok());
            return bytes;
        }
    }
    0
}

/// c49: a connection that is cut after any byte of a request leaves the old record or the new
/// one, and who is told that it was saved finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c49_requests_cut_after_every_byte() {
    assert!(cut_saves_everywhere(Cut::Request).await > 200);
}

/// c49: the same for replies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c49_replies_cut_after_every_byte() {
    assert!(cut_saves_everywhere(Cut::Reply).await > 150);
}

/// A load is repeated, so a single cut anywhere is not noticed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_survive_a_cut_after_every_byte() {
    let server = serve(Shelf::default()).await;
    create(&store(&server.address), 1).await;
    for cut in [Cut::Request, Cut::Reply] {
        for bytes in 0.. {
            let wire = Wire::to(&server.address, cut(bytes)).await;
            assert_eq!(revision(&store(&wire.address), 1).await, 1);
            if !wire.has_broken() {
                break;
            }
        }
    }
}

/// Writers go on while the server goes away and comes back: what was acknowledged is there, and
/// failures are failures to reach it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again() {
    let shelf = Shelf::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = serve_on(listener, Arc::clone(&shelf));
    let store = store(&address.to_string());
    let done = Arc::new(AtomicU32::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| tokio::spawn(write(Arc::clone(&store), writer, Arc::clone(&done))))
        .collect();
    for round in 1..=3 {
        while done.load(Ordering::SeqCst) < round * 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.stop().await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        server = serve_on(listener, Arc::clone(&shelf));
    }
    while done.load(Ordering::SeqCst) < 400 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for writer in writers {
        writer.abort();
    }
}

async fn write(store: Arc<StateServerStore>, writer: u32, done: Arc<AtomicU32>) {
    for number in 0.. {
        let number = writer * 1_000_000 + number;
        let created = Arc::clone(&store)
            .create(key(number), record(OLD), LIFETIME)
            .await;
        match created {
            Ok(_) => assert_eq!(revision(&store, number).await, 1),
            Err(error) => assert!(error.is_unreachable(), "{error}"),
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
}
