//! URLs and options, the good and the bad.

use session_core::{EndReason, SessionStore, StoreConfig};
use session_store_sql::SqliteStore;

use crate::file::{File, store};
use crate::sessions::{create, found, key};

/// The error for a URL.
fn refused(url: &str) -> String {
    let error = SqliteStore::connect(&StoreConfig::new(url)).unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn bad_settings_are_named() {
    for (url, setting) in [
        ("sqlit:/x.db", "store.url"),
        ("sqlite:", "store.url"),
        ("sqlite::memory:", "store.url"),
        ("sqlite:/x%2.db", "store.url"),
        ("sqlite:/x.db?table=a%22b", "store.table"),
        ("sqlite:/x.db?create=yes", "store.create"),
        ("sqlite:/x.db?synchronous=off", "store.synchronous"),
        ("sqlite:/x.db?readers=0", "store.readers"),
        (
            "sqlite:/x.db?operation-timeout=2",
            "store.operation_timeout",
        ),
        ("sqlite:/x.db?colour=red", "store.colour"),
    ] {
        let error = refused(url);
        assert!(error.contains(setting), "{setting} is missing in: {error}");
    }
}

#[test]
fn a_store_needs_a_runtime() {
    assert!(refused("sqlite:/x.db").contains("tokio"));
}

#[tokio::test]
async fn every_durability_works() {
    for when in ["full", "normal"] {
        let file = File::fresh();
        let store = store(&file.url(&format!("create=true&synchronous={when}")));
        create(&store, 1, "x").await;
        let deleted = store.delete(key(1), EndReason::Destroyed);
        assert!(deleted.await.unwrap());
    }
}

/// Two applications in one file, which has tables of somebody else as well.
#[tokio::test]
async fn tables_have_names() {
    let file = File::fresh();
    let foreign = file.foreign();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let [one, other] = ["one", "other"].map(|table| {
        let options = format!("create=true&table={table}");
        store(&file.url(&options))
    });
    create(&one, 1, "one").await;
    create(&other, 1, "other").await;
    assert_eq!(&found(&one, 1).await.record.payload[..], b"one");
    assert_eq!(&found(&other, 1).await.record.payload[..], b"other");
}

/// A path with what a URL escapes.
#[tokio::test]
async fn paths_are_unescaped() {
    let file = File::fresh();
    let url = format!(
        "sqlite://{}/a%20b%3F.db?create=true",
        file.folder().display()
    );
    create(&store(&url), 1, "x").await;
    assert!(file.folder().join("a b?.db").exists());
}
