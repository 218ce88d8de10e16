//! Servers that behave as a test tells them to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{Lifetime, Record, SessionStore, StoreKey, Timestamp};
use session_store_state_server::StateServerStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A server on a port of its own; how many connections it has had.
pub(crate) struct Scripted {
    pub(crate) address: String,
    accepted: Arc<AtomicUsize>,
    tasks: AbortHandle,
}

impl Scripted {
    /// Serves each connection, which is given its number, with `serve`.
    pub(crate) async fn start<F, Served>(serve: F) -> Self
    where
        F: Fn(usize, Peer) -> Served + Send + Sync + 'static,
        Served: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(listener, serve)
    }

    pub(crate) fn start_on<F, Served>(listener: TcpListener, serve: F) -> Self
    where
        F: Fn(usize, Peer) -> Served + Send + Sync + 'static,
        Served: Future<Output = io::Result<()>> + Send + 'static,
    {
        let address = listener.local_addr().unwrap().to_string();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let tasks = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(number, Peer::new(stream)));
            }
        });
        Self {
            address,
            accepted,
            tasks: tasks.abort_handle(),
        }
    }

    /// Stops listening and closes every connection.
    pub(crate) async fn stop(self) {
        self.tasks.abort();
        while !self.tasks.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// A server that has every session, each with its own key as its payload.
    pub(crate) async fn mirror() -> Self {
        Self::start(|_, mut peer| async move { peer.mirror().await }).await
    }

    pub(crate) fn store(&self) -> Arc<StateServerStore> {
        self.store_with("connections=1")
    }

    pub(crate) fn store_with(&self, query: &str) -> Arc<StateServerStore> {
        let url = format!("state-server://{}?{query}", self.address);
        Arc::new(StateServerStore::builder(&url).unwrap().build())
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// The client, as the server sees it.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// The next request; an error when there is none. Those for the server list are answered
    /// in between.
    pub(crate) async fn request(&mut self) -> io::Result<Request> {
        loop {
            if let Some(request) = self.cut() {
                if !request.head.contains(" /.session/control/server-list ") {
                    return Ok(request);
                }
                self.answer(&answer("200 OK", "ETag: \"1\"\r\n", ROW))
                    .await?;
                continue;
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether nothing has come after the last request.
    pub(crate) fn is_quiet(&self) -> bool {
        self.unread.is_empty()
    }

    fn cut(&mut self) -> Option<Request> {
        let end = self
            .unread
            .windows(4)
            .position(|four| four == b"\r\n\r\n")?
            + 4;
        let head = String::from_utf8(self.unread[..end].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().unwrap());
        let body = self.unread.get(end..end + length)?.to_vec();
        self.unread.drain(..end + length);
        Some(Request { head, body })
    }

    pub(crate) async fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
        self.stream.write_all(answer).await
    }

    /// Answers as [`Scripted::mirror`] does, to the end.
    pub(crate) async fn mirror(&mut self) -> io::Result<()> {
        loop {
            let request = self.request().await?;
            self.answer(&request.mirrored()).await?;
        }
    }

    /// Answers the greeting.
    pub(crate) async fn greet(&mut self) -> io::Result<()> {
        let greeting = self.request().await?;
        assert!(greeting.is_greeting(), "{}", greeting.head);
        self.answer(&greeting.mirrored()).await
    }
}

impl Request {
    pub(crate) fn is_greeting(&self) -> bool {
        self.head.starts_with("GET /.session/ping ")
    }

    pub(crate) fn is(&self, verb: &str) -> bool {
        self.head.starts_with(verb) && !self.is_greeting()
    }

    pub(crate) fn target(&self) -> String {
        self.head.split_whitespace().nth(1).unwrap().to_owned()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What a server says that has every session, each with its own key as its payload.
    pub(crate) fn mirrored(&self) -> Vec<u8> {
        if self.is_greeting() {
            return answer("200 OK", "", b"");
        }
        if self.is("GET") {
            let target = self.target();
            let key = target.strip_prefix("/s/").unwrap();
            return answer("200 OK", FOUND, &body(key.as_bytes()));
        }
        answer("200 OK", "ETag: \"2\"\r\n", b"")
    }
}

/// The list of a farm with one server.
const ROW: &[u8] = b"session-state-server list 1\nservers: scripted:42424\n";

/// The header fields of a session that was found.
pub(crate) const FOUND: &str =
    "ETag: \"1\"\r\nLockCookie: 2\r\nSession-Ttl: 60000\r\nSession-Left: 50000\r\n";

/// An answer of a server that speaks our extensions.
pub(crate) fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nSession-Protocol: 1\r\nSession-Time: 1700000000000\r\n{fields}\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The canonical bytes of a record with this payload.
pub(crate) fn body(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    record(payload).encode(&mut bytes);
    bytes
}

pub(crate) fn record(payload: &[u8]) -> Record {
    Record {
        payload: payload.to_vec().into(),
        labels: bytes::Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1),
        deadline: Timestamp::from_millis(2),
    }
}

pub(crate) const LIFETIME: Lifetime = Lifetime {
    idle: Duration::from_secs(60),
    absolute: Duration::from_secs(600),
};

pub(crate) fn key(number: u32) -> StoreKey {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    StoreKey::from_bytes(bytes)
}

/// The payload that [`Scripted::mirror`] has under `key`.
pub(crate) fn mirrored(key: StoreKey) -> String {
    key.as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Loads a session from a mirror and checks that it is the right one.
pub(crate) async fn assert_mirrored(store: &Arc<StateServerStore>, key: StoreKey) {
    match Arc::clone(store).load(key).await.unwrap() {
        session_core::Load::Found(loaded) => {
            assert_eq!(loaded.record.payload, mirrored(key).as_bytes());
        }
        other => panic!("expected a session, got {other:?}"),
    }
}
