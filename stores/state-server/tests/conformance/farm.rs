//! Servers in this process, and stores on some of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use session_core::{Create, Lifetime, Load, Record, SessionStore, StoreError, StoreKey, Timestamp};
use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use session_store_state_server::{StateServerStore, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts a server; its address.
pub(crate) async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::new(Limits::default(), Tokens::from_lines(""));
    tokio::spawn(server.serve(Listening::Tcp(listener)));
    address
}

pub(crate) fn store(servers: &[&String], query: &str) -> Arc<StateServerStore> {
    let servers: Vec<_> = servers.iter().map(|server| server.as_str()).collect();
    let url = format!("state-server://{}?{query}", servers.join(","));
    Arc::new(StateServerStore::builder(&url).unwrap().build())
}

pub(crate) const LIFETIME: Lifetime = Lifetime {
    idle: Duration::from_secs(600),
    absolute: Duration::from_secs(6_000),
};

/// Keys of different routes.
pub(crate) fn key(number: u32) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

pub(crate) fn record(payload: u64) -> Record {
    Record {
        payload: Bytes::copy_from_slice(&payload.to_be_bytes()),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1),
        deadline: Timestamp::MAX,
    }
}

pub(crate) async fn create(store: &Arc<StateServerStore>, key: StoreKey) {
    let created = Arc::clone(store).create(key, record(0), LIFETIME).await;
    assert!(matches!(created, Ok(Create::Created(_))), "{created:?}");
}

pub(crate) async fn load(store: &Arc<StateServerStore>, key: StoreKey) -> Result<Load, StoreError> {
    Arc::clone(store).load(key).await
}

pub(crate) fn payload(record: &Record) -> u64 {
    u64::from_be_bytes(record.payload[..].try_into().unwrap())
}

/// What a server itself answers to a GET, whatever its list.
pub(crate) async fn status(server: &str, key: StoreKey) -> u16 {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let target = wire::session_target(key.as_bytes());
    let request = format!("GET {target} HTTP/1.1\r\nSession-Protocol: 1\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}
