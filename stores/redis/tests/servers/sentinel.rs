//! A primary, two replicas and three sentinels.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Create, EndReason, LeaseUse, Load, Revision, Save, SessionStore};

use crate::fixture::{HOUR, found, fresh_key, record, session, store};
use crate::server::{RedisServer, free_port};

struct Watched {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

impl Watched {
    async fn start() -> Self {
        let primary = RedisServer::start(&[]).await;
        let port = primary.port.to_string();
        let mut servers = vec![primary];
        for _ in 0..2 {
            let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).await;
            replica
                .wait_for(&["INFO", "replication"], "master_link_status:up")
                .await;
            servers.push(replica);
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let sentinel = RedisServer::sentinel(free_port(), servers[0].port);
            sentinel.wait_until_ready().await;
            sentinels.push(sentinel);
        }
        for sentinel in &sentinels {
            let words = ["SENTINEL", "MASTER", "main"];
            sentinel
                .wait_for(&["INFO", "sentinel"], "slaves=2,sentinels=3")
                .await;
            sentinel.command(&words).await;
        }
        Self { servers, sentinels }
    }

    fn url(&self, rest: &str) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(RedisServer::address).collect();
        format!("redis-sentinel://{}/main{rest}", hosts.join(","))
    }
}

/// n24: a log-out that replicas have is not forgotten when the primary dies, and the store
/// follows the new primary by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n24_the_store_follows_a_failover() {
    let watched = Watched::start().await;
    let store = store(&watched.url("?wait-replicas=2&wait-timeout=2s"));
    let (kept, ended) = (session(&store).await, session(&store).await);
    assert!(
        Arc::clone(&store)
            .delete(ended, EndReason::Destroyed)
            .await
            .unwrap()
    );

    watched.servers[0].signal("-KILL");
    let began = Instant::now();
    let loaded = loop {
        match Arc::clone(&store).load(kept).await {
            Ok(load) => break load,
            Err(error) => assert!(
                error.is_unreachable() || error.to_string().contains("replica"),
                "{error}"
            ),
        }
        assert!(began.elapsed() < Duration::from_secs(40), "no failover");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(matches!(loaded, Load::Found(_)), "{loaded:?}");
    let load = Arc::clone(&store).load(ended).await.unwrap();
    assert_eq!(load, Load::Ended(EndReason::Destroyed));
    let save = Arc::clone(&store).save(kept, Revision::FIRST, record("x"), HOUR, LeaseUse::None);
    assert_eq!(save.await.unwrap(), Save::Saved(Revision::FIRST.next()));
}

/// A primary that becomes a replica answers READONLY; the write goes to its successor within
/// the deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_finds_the_successor() {
    let watched = Watched::start().await;
    let store = store(&watched.url("?operation-timeout=10s&connect-timeout=10s"));
    let key = session(&store).await;
    watched.servers[0]
        .wait_for(&["WAIT", "2", "100"], "2")
        .await;
    watched.sentinels[0]
        .command(&["SENTINEL", "FAILOVER", "main"])
        .await;
    let began = Instant::now();
    let mut created = 0;
    let mut is_replica = false;
    while !is_replica || store.stats().connections_opened < 2 {
        let fresh = fresh_key();
        match Arc::clone(&store).create(fresh, record("x"), HOUR).await {
            Ok(outcome) => assert_eq!(outcome, Create::Created(Revision::FIRST)),
            // What was under way when the primary cut its clients off.
            Err(error) => assert!(error.is_unreachable(), "{error}"),
        }
        created += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(began.elapsed() < Duration::from_secs(50), "no failover");
        let info = watched.servers[0].command(&["INFO", "replication"]).await;
        is_replica = redis::from_redis_value::<String>(info)
            .unwrap()
            .contains("role:slave");
    }
    assert!(created > 10);
    found(&store, key).await;
    let last = session(&store).await;
    found(&store, last).await;
}

#[tokio::test]
async fn an_unknown_name_is_named() {
    let watched = Watched::start().await;
    let url = watched.url("").replace("/main", "/other");
    let message = crate::fixture::failure(&store(&url)).await;
    assert!(message.contains("no primary of that name"), "{message}");
}

/// A primary that goes on, cut off from the sentinels, is left for the one that they name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_replaced_is_left() {
    let old = RedisServer::start(&[]).await;
    let new = RedisServer::start(&[]).await;
    let sentinel = RedisServer::sentinel(free_port(), old.port);
    sentinel.wait_until_ready().await;
    let store = store(&format!("redis-sentinel://{}/main", sentinel.address()));
    session(&store).await;
    sentinel.command(&["SENTINEL", "REMOVE", "main"]).await;
    let port = new.port.to_string();
    sentinel
        .command(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &port, "1"])
        .await;
    for _ in 0..100 {
        session(&store).await;
        if new.calls("evalsha").await + new.calls("eval").await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the store stays with the old primary");
}
