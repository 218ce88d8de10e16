//! Every failure is one sentence that says what to do, and says no password.

use std::sync::Arc;
use std::time::Duration;

use session_core::{LeaseUse, Load, Revision, SessionStore, StoreError, StoreErrorKind};
use session_store_sql::MysqlStore;

use crate::server::{self, Server};
use crate::sessions::{create, key, long, record};

fn store(url: &str) -> Arc<MysqlStore> {
    Arc::new(MysqlStore::builder(url).unwrap().build().unwrap())
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
    let url = server::shared().tcp("app", "wrong-horse", "farm");
    let words = ["log-in of user app", "password", "store.url"];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
    let url = server::shared().tcp("nobody", "wrong-horse", "farm");
    let words = ["log-in of user nobody", "store.url"];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn missing_database() {
    let url = server::shared().socket_url("root@", "nowhere");
    let words = ["no database nowhere", "create it", "store.url"];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn missing_tables() {
    let server = server::shared();
    let url = server.tcp("app", server::PASSWORD, "farm");
    let command = format!(
        "`sessionctl sql install --url mysql://app@localhost:{}/farm?table=none`",
        server.port
    );
    let error = fails(&format!("{url}?table=none")).await;
    assert_says(&error, StoreErrorKind::Refused, &["farm.none", &command]);
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
    let mut client = server::shared().client().await;
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
        client.execute(&text).await;
        assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
    }
}

/// A user of fresh tables with these rights on them.
async fn user(rights: &str, options: &str) -> (String, String) {
    let server = server::shared();
    let url = server.tables().await;
    let name = server::table(&url).replace("farm.", "");
    let user = format!("user_{name}");
    let password = server::PASSWORD;
    let mut client = server.client().await;
    client
        .execute(&format!(
            "CREATE USER {user}@'%' IDENTIFIED BY '{password}' {options}"
        ))
        .await;
    for suffix in ["", "_schema", "_control"] {
        let grant = format!("GRANT {rights} ON farm.{name}{suffix} TO {user}@'%'");
        client.execute(&grant).await;
    }
    let url = server.tcp(&user, password, "farm");
    (format!("{url}?table={name}"), user)
}

#[tokio::test]
async fn no_permission() {
    let (url, user) = user("SELECT", "").await;
    let guest = store(&url);
    assert_eq!(Arc::clone(&guest).load(key(1)).await.unwrap(), Load::Absent);
    let create = guest.create(key(1), record("x"), long());
    let error = create.await.unwrap_err();
    let words = ["command denied", "GRANT", "UPDATE", &user];
    assert_says(&error, StoreErrorKind::Refused, &words);
}

/// A replica answers reads, says that it is one, and refuses writes.
#[tokio::test]
async fn replica() {
    let server = Server::start();
    let names = server
        .tables()
        .await
        .split_once("table=")
        .unwrap()
        .1
        .to_owned();
    let url = format!(
        "{}?table={names}",
        server.tcp("app", server::PASSWORD, "farm")
    );
    create(
        &server::store(&url.replace('?', "?sslmode=disable&")),
        1,
        "x",
    )
    .await;
    server
        .client()
        .await
        .execute("SET GLOBAL read_only = 1")
        .await;
    let replica = store(&url);
    let ping = Arc::clone(&replica).ping().await.unwrap();
    assert_eq!(ping.role, session_core::Role::ReadOnly);
    let found = Arc::clone(&replica).load(key(1)).await.unwrap();
    assert!(matches!(found, Load::Found(_)));
    let base = Revision::FIRST;
    let save = Arc::clone(&replica).save(key(1), base, record("y"), long(), LeaseUse::None);
    let words = ["read-only", "replica", "primary"];
    assert_says(&save.await.unwrap_err(), StoreErrorKind::Refused, &words);
    let second = Duration::from_secs(1);
    let lease = replica.acquire(key(1), second, second);
    assert_says(&lease.await.unwrap_err(), StoreErrorKind::Refused, &words);
}

/// A server that answers before its disk has the commit is refused, unless that is accepted.
#[tokio::test]
async fn delayed_flush() {
    let server = Server::start();
    let url = server.tables().await;
    let delay = "SET GLOBAL innodb_flush_log_at_trx_commit = 2";
    server.client().await.execute(delay).await;
    let words = [
        "innodb_flush_log_at_trx_commit = 2",
        "set it to 1",
        "store.accept_delayed_flush",
    ];
    assert_says(&fails(&url).await, StoreErrorKind::Refused, &words);
    create(&store(&format!("{url}&accept-delayed-flush=true")), 1, "x").await;
}

#[tokio::test]
async fn connection_refused() {
    for url in [
        "mysql://app:wrong-horse@127.0.0.1:1/farm",
        "mysql:///farm?host=/nowhere/socket",
    ] {
        let words = ["MySQL running", "store.url"];
        assert_says(&fails(url).await, StoreErrorKind::Unavailable, &words);
    }
}

/// Something else listens there.
#[tokio::test]
async fn not_a_mysql_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let hello = b"\x0f\0\0\0HTTP/1.1 400 Bad";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, hello).await;
        }
    });
    let error = fails(&format!("mysql://app@127.0.0.1:{port}/farm")).await;
    let words = ["protocol of MySQL", "store.url"];
    assert_says(&error, StoreErrorKind::Refused, &words);
}

#[tokio::test]
async fn too_many_connections() {
    let limit = "WITH MAX_USER_CONNECTIONS 1";
    let (few, _) = user("SELECT, INSERT, UPDATE, DELETE", limit).await;
    let first = store(&few);
    assert_eq!(Arc::clone(&first).load(key(1)).await.unwrap(), Load::Absent);
    let error = fails(&format!("{few}&operation-timeout=300ms")).await;
    let words = ["no connection left", "max_connections", "store.pool"];
    assert_says(&error, StoreErrorKind::Unavailable, &words);
}

/// What the server does not take is told from a broken server.
#[tokio::test]
async fn too_large() {
    let url = server::shared().tables().await;
    let store = server::store(&url);
    let huge = record(&"x".repeat(20 << 20));
    let error = store.create(key(1), huge, long()).await.unwrap_err();
    assert_says(&error, StoreErrorKind::TooLarge, &["max_allowed_packet"]);
}

/// With the authority's certificate the server is spoken to over TLS, and without it not at all.
#[tokio::test]
async fn tls_needs_the_authority() {
    let server = server::shared();
    let url = server.tcp("app", server::PASSWORD, "farm");
    let tables = server.tables().await;
    let names = tables.split_once("&table=").unwrap().1;
    let folder = server.folder.display();
    let trusting = format!("sslmode=verify-full&sslrootcert={folder}/authority.pem");
    let (user, _) = user("ALL", "REQUIRE SSL").await;
    let plain = fails(&user).await;
    assert_says(&plain, StoreErrorKind::Refused, &["log-in of user"]);
    create(&store(&format!("{user}&{trusting}")), 1, "x").await;
    create(&store(&format!("{url}?{trusting}&table={names}")), 1, "x").await;

    let words = ["TLS", "sslrootcert", "sslmode"];
    let other = format!("{url}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt");
    if std::path::Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        assert_says(&fails(&other).await, StoreErrorKind::Refused, &words);
    }
    let elsewhere = url.replace("localhost", "127.0.0.1");
    let error = fails(&format!("{elsewhere}?{trusting}")).await;
    assert_says(&error, StoreErrorKind::Refused, &words);
}
