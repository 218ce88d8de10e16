//! A client that speaks bytes and waits for each answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        let value = self.header(name);
        let value = value.unwrap_or_else(|| panic!("{name} is missing: {self:?}"));
        value.trim_matches('"').parse().unwrap()
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
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The answer to a request; an error if the server is gone.
    pub(crate) fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.send(request)?;
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(answer) = self.buffered() {
                return Ok(answer);
            }
            let mut some = [0; 1 << 14];
            match self.stream.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.buffer.extend_from_slice(&some[..length]),
            }
        }
    }

    /// Reads so many answers, all of which must be 200. It is for many: nothing of them is kept.
    pub(crate) fn expect_done(&mut self, count: usize) -> io::Result<()> {
        const DONE: &[u8] = b"HTTP/1.1 200";
        let (mut seen, mut text) = (0, Vec::new());
        while seen < count || !text.ends_with(b"\r\n\r\n") {
            let mut some = [0; 1 << 16];
            let length = self.stream.read(&mut some)?;
            assert!(length > 0, "the server is gone");
            text.extend_from_slice(&some[..length]);
            seen += text.windows(DONE.len()).filter(|at| *at == DONE).count();
            // What may be the beginning of the next stays.
            text.drain(..text.len().saturating_sub(DONE.len() - 1));
        }
        assert_eq!(seen, count);
        Ok(())
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
}

/// A request of our own client.
pub(crate) fn request(verb: &str, target: &str, headers: &str, body: Option<&str>) -> String {
    plain(
        verb,
        target,
        &format!("Session-Protocol: 1\n{headers}"),
        body,
    )
}

/// A request of a foreign client.
pub(crate) fn plain(verb: &str, target: &str, headers: &str, body: Option<&str>) -> String {
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

pub(crate) fn load(key: &str) -> String {
    request("GET", key, "Session-Touch: no", None)
}

/// A session that lives for ten minutes.
pub(crate) fn create(key: &str, body: &str) -> String {
    let headers = "If-None-Match: *\nSession-Ttl: 600000";
    request("PUT", key, headers, Some(body))
}

pub(crate) fn save(key: &str, revision: u64, body: &str) -> String {
    let headers = format!("If-Match: \"{revision}\"\nSession-Ttl: 600000");
    request("PUT", key, &headers, Some(body))
}

pub(crate) fn rename(from: &str, to: &str, revision: u64, body: &str) -> String {
    let headers = format!("Destination: {to}\nIf-Match: \"{revision}\"\nSession-Ttl: 600000");
    request("MOVE", from, &headers, Some(body))
}

pub(crate) fn delete(key: &str) -> String {
    request("DELETE", key, "", None)
}

/// The target of a session; all of a group have the same route.
pub(crate) fn key(group: u16, number: u64) -> String {
    format!("/s/{group:04x}{number:060x}")
}
