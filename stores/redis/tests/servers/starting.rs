//! What a server or its settings lack is one sentence that says what to do.

use std::sync::Arc;

use session_core::{SessionStore, StoreErrorKind};
use session_store_redis::RedisStore;

use crate::cluster::RedisCluster;
use crate::fixture::{failure, found, fresh_key, session, store};
use crate::server::RedisServer;

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    assert!(
        !message.contains("hunter2") && !message.contains('\n'),
        "{message}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = RedisServer::start(&["--requirepass", "right"]).await;
    for user in ["", ":hunter2@", "nobody:hunter2@"] {
        let url = format!("redis://{user}{}", server.address());
        let store = store(&url);
        let message = failure(&store).await;
        assert_says(&message, &["password", "store.url"]);
        assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
    }
    let store = store(&format!("redis://:right@{}", server.address()));
    session(&store).await;
}

#[tokio::test]
async fn an_acl_user_needs_its_commands() {
    let server = RedisServer::start(&[]).await;
    let rights = "+@read +@write +@scripting +@connection +time +info";
    let words = format!("ACL SETUSER app on >hunter2 ~session:* {rights}");
    server.command(&words.split(' ').collect::<Vec<_>>()).await;
    let url = format!("redis://app:hunter2@{}", server.address());
    let key = session(&store(&url)).await;
    found(&store(&url), key).await;

    let words = ["ACL", "SETUSER", "app", "-evalsha", "-eval"];
    server.command(&words).await;
    assert_says(&failure(&store(&url)).await, &["ACL", "+@scripting"]);
    server
        .command(&["ACL", "SETUSER", "app", "+evalsha", "+eval", "-set"])
        .await;
    assert_says(&failure(&store(&url)).await, &["ACL", "+@write"]);
    server
        .command(&["ACL", "SETUSER", "app", "+set", "-info"])
        .await;
    assert_says(&failure(&store(&url)).await, &["maxmemory-policy", "INFO"]);
}

#[tokio::test]
async fn an_evicting_policy_is_refused() {
    let limit = ["--maxmemory", "100mb", "--maxmemory-policy"];
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::start(&[&limit[..], &[policy]].concat()).await;
        let message = failure(&store(&server.url(""))).await;
        assert_says(&message, &["maxmemory-policy", policy, "noeviction"]);
        session(&store(&server.url("?allow-eviction=true"))).await;
    }
    let renamed = ["allkeys-lru", "--rename-command", "CONFIG", ""];
    let server = RedisServer::start(&[&limit[..], &renamed].concat()).await;
    assert_says(&failure(&store(&server.url(""))).await, &["allkeys-lru"]);
    let server = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    session(&store(&server.url(""))).await;
}

#[tokio::test]
async fn the_wrong_deployment_is_named() {
    let single = RedisServer::start(&[]).await;
    let message = failure(&store(&format!("redis-cluster://{}", single.address()))).await;
    assert_says(&message, &["not part of a cluster", "redis://"]);
    let message = failure(&store(&format!("redis-sentinel://{}/x", single.address()))).await;
    assert_says(&message, &["no sentinel", "redis://"]);

    let cluster = RedisCluster::start().await;
    let message = failure(&store(&cluster.nodes[0].url(""))).await;
    assert_says(&message, &["part of a cluster", "redis-cluster://"]);

    let port = single.port.to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).await;
    replica
        .wait_for(&["INFO", "replication"], "master_link_status:up")
        .await;
    assert_says(
        &failure(&store(&replica.url(""))).await,
        &["replica", "primary"],
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_to_a_plain_port_is_named() {
    let server = RedisServer::start(&[]).await;
    let store = store(&format!("rediss://{}", server.address()));
    assert_says(&failure(&store).await, &["TLS", "store.url"]);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let store = store("redis://127.0.0.1:1");
    let error = Arc::clone(&store).load(fresh_key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_says(&error.to_string(), &["127.0.0.1:1", "running"]);
}

/// A key of ours that somebody else wrote is kept, and says so.
#[tokio::test]
async fn foreign_keys_are_named() {
    let server = RedisServer::start(&[]).await;
    let store = store(&server.url(""));
    let key = session(&store).await;
    let names: Vec<String> =
        redis::from_redis_value(server.command(&["KEYS", "session:s:*"]).await).unwrap();
    let name = names[0].as_str();
    for write in [&["SET", name, "hello"][..], &["LPUSH", name, "hello"]] {
        server.command(&["DEL", name]).await;
        server.command(write).await;
        let load = Arc::clone(&store).load(key).await.unwrap_err();
        let touch = Arc::clone(&store).touch(key).await.unwrap_err();
        for error in [load, touch] {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
            assert_says(&error.to_string(), &["key_prefix"]);
        }
    }
}

#[tokio::test]
async fn databases_and_prefixes_keep_apart() {
    let server = RedisServer::start(&[]).await;
    let key = session(&store(&server.url("/3?key-prefix=shop:"))).await;
    found(&store(&server.url("/3?key-prefix=shop:")), key).await;
    for other in ["/2?key-prefix=shop:", "/3"] {
        let load = store(&server.url(other)).load(key).await.unwrap();
        assert_eq!(load, session_core::Load::Absent);
    }
}

#[tokio::test]
async fn settings_are_checked() {
    for (url, word) in [
        ("http://host", "Redis or Valkey"),
        ("redis://a,b", "several servers"),
        ("redis-cluster://a/3", "only 0"),
        ("redis-sentinel://a", "name of the primary"),
        ("redis://u:hunter2@host:x", "port"),
        ("redis://host?key-prefix={a}", "prefix"),
        ("redis://host?wait-replicas=x", "number"),
        ("redis://host?connect-timeout=0s", "time"),
        ("redis://host?tls=system", "rediss"),
        ("rediss://host?tls=ca.pem", "absolute"),
        ("redis://host?password-file=/nowhere", "cannot read"),
        ("redis://host?nonsense=1", "unknown"),
    ] {
        let error = RedisStore::builder(url).unwrap_err().to_string();
        assert_says(&error, &[word]);
    }
    for url in [
        "valkey://h/1",
        "valkeys://h",
        "rediss-cluster://a,b",
        "redis-sentinel://a,b:1/m/2",
    ] {
        RedisStore::builder(url).unwrap();
    }
}
