//! URLs and options, the good and the bad.

use session_core::StoreConfig;
use session_store_sql::PostgresStore;
use session_store_sql::schema::{Persistence, Schema};

use crate::server;
use crate::sessions::create;

/// The error for a URL.
fn refused(url: &str) -> String {
    let error = PostgresStore::connect(&StoreConfig::new(url)).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error.to_string()
}

#[tokio::test]
async fn bad_settings_are_named() {
    for (url, setting) in [
        ("postgress://u:hunter2@h/db", "store.url"),
        ("postgres://u:hunter2@h:0/db", "store.url"),
        ("postgres://u:hunter2@h/db?x=%2", "store.url"),
        ("postgres://u:hunter2@h/db?sslmode=prefer", "store.sslmode"),
        ("postgres://u:hunter2@h/db?pool=0", "store.pool"),
        (
            "postgres://u:hunter2@h/db?connections=x",
            "store.connections",
        ),
        ("postgres://u:hunter2@h/db?schema=a%22b", "store.schema"),
        ("postgres://u:hunter2@h/db?table=1", "store.table"),
        (
            "postgres://u:hunter2@h/db?operation-timeout=2",
            "store.operation_timeout",
        ),
        (
            "postgres://u:hunter2@h/db?synchronous-commit=maybe",
            "store.synchronous_commit",
        ),
        (
            "postgres://u:hunter2@localhost/db?sslrootcert=/x",
            "store.sslrootcert",
        ),
        (
            "postgres://u:hunter2@h/db?sslrootcert=/nowhere.pem",
            "store.sslrootcert",
        ),
        (
            "postgres://u@h/db?password-file=/nowhere",
            "store.password_file",
        ),
        ("postgres://u:hunter2@h/db?colour=red", "store.colour"),
    ] {
        let error = refused(url);
        assert!(error.contains(setting), "{setting} is missing in: {error}");
    }
}

#[test]
fn a_store_needs_a_runtime() {
    assert!(refused("postgres://localhost/db").contains("tokio"));
}

/// Ends are durable whatever is set for the rest.
#[tokio::test]
async fn every_durability_works() {
    for when in ["on", "local", "remote_write", "off"] {
        let url = server::shared().tables().await;
        let store = server::store(&format!("{url}&synchronous_commit={when}"));
        create(&store, 1, "x").await;
        let reason = session_core::EndReason::Destroyed;
        let key = crate::sessions::key(1);
        let deleted = session_core::SessionStore::delete(store, key, reason);
        assert!(deleted.await.unwrap());
    }
}

/// Nothing but a test of the test: the store answers over a URL with a password file.
#[tokio::test]
async fn a_password_may_stand_in_a_file() {
    let server = server::shared();
    let tables = server.tables().await;
    let names = tables.split_once("&schema=").unwrap().1;
    let file = server.folder.join("password");
    let url = format!(
        "postgres://postgres@localhost:{}/postgres?password-file={}&schema={names}",
        server.port,
        file.display()
    );
    create(&server::store(&url), 1, "x").await;
}

/// What `print` shows is what `install` does.
#[tokio::test]
async fn what_is_printed_can_be_executed() {
    let url = server::shared().fresh_url();
    let schema = Schema::of(&StoreConfig::new(&url)).unwrap();
    let client = server::shared().client().await;
    let text = schema.print(Persistence::Temporary);
    client.batch_execute(&text).await.unwrap();
    create(&server::store(&url), 1, "x").await;
}
