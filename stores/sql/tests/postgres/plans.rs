//! Every statement finds its rows by an index, though the tables were empty when it was planned.

use std::sync::Arc;
use std::time::Duration;

use session_core::{EndReason, LeaseUse, PrincipalKey, Revision, SessionStore};

use crate::server::{self, Server};
use crate::sessions::{create, found, key, long, record, save};

#[tokio::test]
async fn every_statement_uses_an_index() {
    let server = Server::start();
    let url = server.tables().await;
    let client = server.client().await;
    for text in [
        "LOAD 'auto_explain'",
        "ALTER SYSTEM SET session_preload_libraries TO auto_explain",
        "ALTER SYSTEM SET auto_explain.log_min_duration TO 0",
        "SELECT pg_reload_conf()",
    ] {
        client.batch_execute(text).await.unwrap();
    }
    // New processes read it; those that are there take a moment.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let store = server::store(&url);
    for number in 1..=3 {
        create(&store, number, "x").await;
    }
    found(&store, 1).await;
    save(&store, 1, Revision::FIRST, "y").await;
    Arc::clone(&store).touch(key(1)).await.unwrap();
    let minute = Duration::from_secs(60);
    let lease = Arc::clone(&store).acquire(key(2), minute, Duration::ZERO);
    lease.await.unwrap();
    let first = Revision::FIRST;
    let none = LeaseUse::None;
    let rename = Arc::clone(&store).rename(key(3), key(4), first, record("z"), long(), none);
    rename.await.unwrap();
    let principal = PrincipalKey::from_bytes([1; 32]);
    Arc::clone(&store).list(principal, None).await.unwrap();
    let ended = Arc::clone(&store).delete_all(principal, None).await;
    assert_eq!(ended.unwrap(), 0);
    Arc::clone(&store)
        .delete(key(1), EndReason::Destroyed)
        .await
        .unwrap();
    Arc::clone(&store).sweep(10).await.unwrap();

    let log = std::fs::read_to_string(server.folder.join("log")).unwrap();
    let name = server::table(&url).replace("farm.", "");
    for index in ["_pkey", "_due", "_principal"] {
        assert!(
            log.contains(&format!("using {name}{index}")),
            "{name}{index} in {log}"
        );
    }
    for plan in [
        format!("Seq Scan on {name} "),
        "Hash Join".into(),
        "Merge Join".into(),
    ] {
        assert!(!log.contains(&plan), "{plan} in {log}");
    }
}
