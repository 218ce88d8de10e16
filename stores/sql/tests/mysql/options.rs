//! URLs and options, the good and the bad.

use session_core::StoreConfig;
use session_store_sql::MysqlStore;
use session_store_sql::schema::{Persistence, Schema};

use crate::server;
use crate::sessions::create;

/// The error for a URL.
fn refused(url: &str) -> String {
    let error = MysqlStore::connect(&StoreConfig::new(url)).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error.to_string()
}

#[tokio::test]
async fn bad_settings_are_named() {
    for (url, setting) in [
        ("mysqls://u:hunter2@h/db", "store.url"),
        ("mysql://u:hunter2@h:0/db", "store.url"),
        ("mysql://u:hunter2@h,h2/db", "store.url"),
        ("mysql://u:hunter2@h", "store.url"),
        ("mysql://u:hunter2@h/db?x=%2", "store.url"),
        ("mysql://u:hunter2@h/db?sslmode=prefer", "store.sslmode"),
        ("mysql://u:hunter2@h/db?pool=0", "store.pool"),
        ("mysql://u:hunter2@h/db?port=x", "store.port"),
        ("mysql://u:hunter2@h/db?schema=web", "store.schema"),
        ("mysql://u:hunter2@h/db?table=a`b", "store.table"),
        (
            "mysql://u:hunter2@h/db?operation-timeout=2",
            "store.operation_timeout",
        ),
        (
            "mysql://u:hunter2@h/db?accept-delayed-flush=maybe",
            "store.accept_delayed_flush",
        ),
        (
            "mysql://u:hunter2@localhost/db?sslrootcert=/x",
            "store.sslrootcert",
        ),
        (
            "mysql://u:hunter2@h/db?sslrootcert=/nowhere.pem",
            "store.sslrootcert",
        ),
        (
            "mysql://u@h/db?password-file=/nowhere",
            "store.password_file",
        ),
        ("mysql://u:hunter2@h/db?colour=red", "store.colour"),
    ] {
        let error = refused(url);
        assert!(error.contains(setting), "{setting} is missing in: {error}");
    }
}

#[test]
fn a_store_needs_a_runtime() {
    assert!(refused("mysql://localhost/db").contains("tokio"));
}

/// Nothing but a test of the test: the store answers over a URL with a password file.
#[tokio::test]
async fn a_password_may_stand_in_a_file() {
    let server = server::shared();
    let url = server.tables().await;
    let (_, table) = url.split_once("table=").unwrap();
    let file = server.folder.join("password");
    let url = format!(
        "mariadb://app@127.0.0.1:{}/farm?password-file={}&table={table}",
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
    let mut client = server::shared().client().await;
    client.execute(&schema.print(Persistence::Permanent)).await;
    create(&server::store(&url), 1, "x").await;
}
