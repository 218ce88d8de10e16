//! Every failure is one sentence that says what to do, and says no password.

use std::sync::Arc;
use std::time::Duration;

use session_core::{EndReason, LeaseUse, Load, Revision, SessionStore, StoreError, StoreErrorKind};
use session_store_sql::PostgresStore;

use crate::server::{self, Server};
use crate::sessions::{create, key, long, record};

fn store(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::builder(url).unwrap().build().unwrap())
}

/// The error of a load.
async fn fails(url: &str) -> StoreError {
    let store = store(url);
    let shown = format!("{store:?}");
    assert!(!shown.contains("wrong-horse") && !shown.contains(server::PASSWORD));
    store.load(key(1)).await.unwrap_err()
}

fn assert_says(error: &StoreError, kind: StoreErrorKind, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    let shown = format!("{error:?}");
    assert!(
        !shown.contains("wrong-horse") && !shown.contains(server::PASSWORD),
        "{shown}"
    );
}

#[tokio::test]
async fn wrong_password() {
    let url = server::shared().tcp("postgres", "wrong-horse", "postgres");
    let words = [
        "log-in of user postgres",
        "password",
        "pg_hba.conf",
        "store.url",
    ];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn no_password() {
    let server = server::shared();
    let url = format!("postgres://postgres@localhost:{}/postgres", server.port);
    let words = ["password", "store.url"];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn missing_database() {
    let url = server::shared().tcp("postgres", server::PASSWORD, "nowhere");
    let words = ["no database nowhere", "create it", "store.url"];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn missing_tables() {
    let server = server::shared();
    let url = server.tcp("postgres", server::PASSWORD, "postgres");
    let command = format!(
        "`sessionctl sql install --url postgres://postgres@localhost:{}/postgres?table=none`",
        server.port
    );
    let error = fails(&format!("{url}?table=none")).await;
    assert_says(&error, StoreErrorKind::Refused, &["public.none", &command]);
}

/// Operations that go through the pool say the same.
#[tokio::test]
async fn missing_tables_for_a_lease() {
    let store = store(&server::shared().fresh_url());
    let second = Duration::from_secs(1);
    let error = store.acquire(key(1), second, second).await.unwrap_err();
    assert_says(
        &error,
        StoreErrorKind::Refused,
        &["sessionctl sql install --url"],
    );
}

/// The tables may be made while the store runs.
#[tokio::test]
async fn tables_made_later_are_found() {
    let url = server::shared().fresh_url();
    let store = store(&url);
    assert!(Arc::clone(&store).load(key(1)).await.is_err());
    server::install(&url).await;
    assert_eq!(store.load(key(1)).await.unwrap(), Load::Absent);
}

#[tokio::test]
async fn older_and_newer_tables() {
    let url = server::shared().tables().await;
    let table = server::table(&url);
    let client = server::shared().client().await;
    for (version, words) in [
        (0, ["version 0", "needs 1", "sessionctl sql install --url"]),
        (
            99,
            [
                "version 99",
                "update the program",
                "sessionctl sql install --url",
            ],
        ),
    ] {
        let text = format!("UPDATE {table}_schema SET version = {version}");
        client.batch_execute(&text).await.unwrap();
        assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
    }
}

#[tokio::test]
async fn no_permission() {
    let server = server::shared();
    let url = server.tables().await;
    let name = server::table(&url).replace("farm.", "");
    let role = format!("guest_{name}");
    let client = server.client().await;
    let text = format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA farm TO {role}; \
         GRANT SELECT ON farm.{name}, farm.{name}_schema, farm.{name}_control TO {role}"
    );
    client.batch_execute(&text).await.unwrap();
    let guest = url.replacen("postgres@", &format!("{role}@"), 1);
    let guest = store(&guest);
    assert_eq!(Arc::clone(&guest).load(key(1)).await.unwrap(), Load::Absent);
    let create = guest.create(key(1), record("x"), long());
    let error = create.await.unwrap_err();
    assert_says(
        &error,
        StoreErrorKind::Refused,
        &["permission denied", "GRANT", &role],
    );
}

/// A standby answers reads, says that it is one, and refuses writes.
#[tokio::test]
async fn standby() {
    let server = server::shared();
    let url = server.tables().await;
    create(&server::store(&url), 1, "x").await;
    let role = server::table(&url).replace("farm.", "standby_");
    let client = server.client().await;
    let text = format!(
        "CREATE ROLE {role} LOGIN SUPERUSER; ALTER ROLE {role} SET default_transaction_read_only = on"
    );
    client.batch_execute(&text).await.unwrap();
    let standby = store(&url.replacen("postgres@", &format!("{role}@"), 1));
    let ping = Arc::clone(&standby).ping().await.unwrap();
    assert_eq!(ping.role, session_core::Role::ReadOnly);
    let found = Arc::clone(&standby).load(key(1)).await.unwrap();
    assert!(matches!(found, Load::Found(_)));
    let base = Revision::FIRST;
    let save = Arc::clone(&standby).save(key(1), base, record("y"), long(), LeaseUse::None);
    let words = ["read-only", "standby", "primary"];
    assert_says(&save.await.unwrap_err(), StoreErrorKind::Refused, &words);
    let second = Duration::from_secs(1);
    let lease = standby.acquire(key(1), second, second);
    assert_says(&lease.await.unwrap_err(), StoreErrorKind::Refused, &words);
}

/// A server that becomes a standby and then takes writes again is written to again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_may_come_back() {
    let server = Server::start();
    let url = server.tables().await;
    let store = store(&url);
    create(&store, 1, "x").await;
    let client = server.client().await;
    for (setting, works) in [("on", false), ("off", true)] {
        let text = format!("ALTER SYSTEM SET default_transaction_read_only TO {setting}");
        client
            .batch_execute("SET default_transaction_read_only TO off")
            .await
            .unwrap();
        client.batch_execute(&text).await.unwrap();
        client
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        loop {
            // The server's processes read their configuration when they get to it.
            let deleted = Arc::clone(&store)
                .delete(key(2), EndReason::Destroyed)
                .await;
            if deleted.is_ok() == works {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    create(&store, 2, "x").await;
}

/// Of several servers the one that takes writes is found.
#[tokio::test]
async fn the_server_that_takes_writes_is_found() {
    let server = server::shared();
    let tables = server.tables().await;
    let names = tables.split_once("&schema=").unwrap().1;
    let url = format!(
        "postgres://postgres:{}@localhost:1,localhost:{}/postgres?schema={names}",
        server::PASSWORD,
        server.port
    );
    create(&store(&url), 1, "x").await;
}

#[tokio::test]
async fn connection_refused() {
    let error = fails("postgres://postgres:wrong-horse@127.0.0.1:1/postgres").await;
    assert_says(
        &error,
        StoreErrorKind::Unavailable,
        &["PostgreSQL running", "store.url"],
    );
    let error = fails("postgres:///postgres?host=/nowhere").await;
    assert_says(
        &error,
        StoreErrorKind::Unavailable,
        &["PostgreSQL running", "store.url"],
    );
}

#[tokio::test]
async fn too_many_connections() {
    let server = server::shared();
    let url = server.tables().await;
    let role = server::table(&url).replace("farm.", "few_");
    let client = server.client().await;
    let text = format!(
        "CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT ALL ON SCHEMA farm TO {role}; \
         GRANT ALL ON ALL TABLES IN SCHEMA farm TO {role}"
    );
    client.batch_execute(&text).await.unwrap();
    let few = url.replacen("postgres@", &format!("{role}@"), 1);
    let reads = store(&format!("{few}&connections=1"));
    assert_eq!(Arc::clone(&reads).load(key(1)).await.unwrap(), Load::Absent);
    let error = fails(&format!("{few}&operation-timeout=300ms")).await;
    let words = ["no connection left", "max_connections", "store.pool"];
    assert_says(&error, StoreErrorKind::Unavailable, &words);
}

/// With the authority's certificate the server is spoken to over TLS, and without it not at all.
#[tokio::test]
async fn tls_needs_the_authority() {
    let server = server::shared();
    let url = server.tcp("postgres", server::PASSWORD, "postgres");
    let tables = server.tables().await;
    let names = tables.split_once("&schema=").unwrap().1;
    let folder = server.folder.display();
    let trusting = format!("sslmode=verify-full&sslrootcert={folder}/authority.pem");
    let encrypted = store(&format!("{url}?{trusting}&schema={names}"));
    create(&encrypted, 1, "x").await;
    let client = server.client().await;
    let used = "SELECT count(*) FROM pg_stat_ssl WHERE ssl";
    assert!(client.query_one(used, &[]).await.unwrap().get::<_, i64>(0) > 0);

    let words = ["TLS", "sslrootcert", "sslmode"];
    let other = format!("{url}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt");
    if std::path::Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        assert_says(&fails(&other).await, StoreErrorKind::Refused, &words);
    }
    let elsewhere = url.replace("localhost", "127.0.0.1");
    let error = fails(&format!("{elsewhere}?{trusting}")).await;
    assert_says(&error, StoreErrorKind::Refused, &words);
}
