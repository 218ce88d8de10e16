//! A server on a port of its own, and clients that speak bytes.

use std::time::Duration;

use session_core::testing::ManualClock;
use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server whose time passes when the test says so.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) clock: ManualClock,
    address: std::net::SocketAddr,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        Self::with_tokens(change, "").await
    }

    pub(crate) async fn with_tokens(change: impl FnOnce(&mut Limits), tokens: &str) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let clock = ManualClock::default();
        let server = Server::with_clock(limits, Tokens::from_lines(tokens), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(server.clone().serve(Listening::Tcp(listener)));
        Self {
            server,
            clock,
            address,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The answer to one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        self.client().await.ask(request).await
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        let value = self.header(name);
        value
            .unwrap_or_else(|| panic!("{name} is missing: {self:?}"))
            .parse()
            .unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Answer {
        self.send(request).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        tokio::time::timeout(Duration::from_secs(20), self.next())
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// Whether the server ends the connection without another answer.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let next = tokio::time::timeout(Duration::from_secs(20), self.next());
        next.await.expect("an end in time").is_none()
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let next = tokio::time::timeout(Duration::from_millis(50), self.next());
        next.await.is_err()
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.buffered() {
                return Some(answer);
            }
            if !matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..)) {
                return None;
            }
        }
    }

    fn buffered(&mut self) -> Option<Answer> {
        let end = self.buffer.windows(4).position(|end| end == b"\r\n\r\n")?;
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        let status = head.strip_prefix("HTTP/1.1 ").expect("a status line")[..3].parse();
        let mut answer = Answer {
            status: status.unwrap(),
            head,
            body: Vec::new(),
        };
        let length = answer.number("Content-Length") as usize;
        let body = self.buffer.get(end + 4..end + 4 + length)?;
        answer.body = body.to_vec();
        self.buffer.drain(..end + 4 + length);
        Some(answer)
    }

    /// Ends the connection without saying goodbye.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// A request with these headers, a line each.
pub(crate) fn request(verb: &str, target: &str, headers: &str, body: Option<&str>) -> String {
    let mut text = format!("{verb} {target} HTTP/1.1\r\nHost: localhost\r\n");
    for line in headers.lines() {
        text.push_str(line);
        text.push_str("\r\n");
    }
    if let Some(body) = body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text
}

pub(crate) fn get(target: &str, headers: &str) -> String {
    request("GET", target, headers, None)
}

pub(crate) fn put(target: &str, headers: &str, body: &str) -> String {
    request("PUT", target, headers, Some(body))
}

pub(crate) fn delete(target: &str, headers: &str) -> String {
    request("DELETE", target, headers, None)
}

pub(crate) fn head(target: &str, headers: &str) -> String {
    request("HEAD", target, headers, None)
}

/// The digits of a key; all of them have the route `0101`.
pub(crate) fn key(number: u8) -> String {
    format!("0101{}", format!("{number:02x}").repeat(30))
}
