//! Clients that speak bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use crate::process::PATIENCE;

pub(crate) trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
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
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        self.expect_one_of(&[status])
    }

    #[track_caller]
    pub(crate) fn expect_one_of(self, statuses: &[u16]) -> Self {
        assert!(
            statuses.contains(&self.status),
            "{statuses:?}: {}",
            self.head
        );
        self
    }
}

/// A connection to an address or, if there is a slash in it, to a Unix socket.
pub(crate) fn connect(to: &str) -> io::Result<Box<dyn Stream>> {
    if to.contains('/') {
        let stream = UnixStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        return Ok(Box::new(stream));
    }
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

impl Client {
    #[track_caller]
    pub(crate) fn to(place: &str) -> Self {
        let stream = connect(place);
        Self::over(stream.unwrap_or_else(|error| panic!("{place}: {error}")))
    }

    pub(crate) fn over(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, request: &str) -> Answer {
        self.send_if_open(request);
        self.answer()
    }

    /// Sends, unless the server closes before all is sent, as it does when it refuses.
    pub(crate) fn send_if_open(&mut self, request: &str) {
        let _ = self.stream.write_all(request.as_bytes());
        let _ = self.stream.flush();
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.next().expect("an answer")
    }

    /// Whether the server ends the connection without another answer.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.next().is_none()
    }

    /// All that comes until the end.
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).unwrap();
        text
    }

    /// The next answer; none if the connection ends.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        match self.try_next() {
            Err(error) if !is_end(&error) => panic!("{error}"),
            next => next.ok(),
        }
    }

    pub(crate) fn try_next(&mut self) -> io::Result<Answer> {
        let mut some = [0; 16 << 10];
        loop {
            if let Some(answer) = self.buffered() {
                return Ok(answer);
            }
            match self.stream.read(&mut some) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.buffer.extend_from_slice(&some[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
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
        let length: usize = answer.header("Content-Length")?.parse().unwrap();
        answer.body = self.buffer.get(end + 4..end + 4 + length)?.to_vec();
        self.buffer.drain(..end + 4 + length);
        Some(answer)
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

pub(crate) fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{headers}\r\n")
}

pub(crate) fn put(target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("PUT {target} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}
