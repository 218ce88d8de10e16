//! HTTP by hand, where a client library gets in the way.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::Answer;

/// No request of the suite takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request with header lines as given, on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &[&[u8]],
) -> Answer {
    let head = head(method, path, lines, true);
    let received = exchange(address, head).await;
    parse(&received, method == "HEAD").unwrap().0
}

/// The same request many times on one connection, pipelined. Returns the answers.
pub(crate) async fn pipeline(
    address: SocketAddr,
    requests: impl IntoIterator<Item = (&'static str, String, Vec<u8>)>,
) -> Vec<Answer> {
    let mut requests = requests.into_iter().peekable();
    let mut bytes = Vec::new();
    while let Some((method, path, line)) = requests.next() {
        let last = requests.peek().is_none();
        let lines: &[&[u8]] = if line.is_empty() { &[] } else { &[&line] };
        bytes.extend(head(method, &path, lines, last));
    }
    let received = exchange(address, bytes).await;
    let mut rest = received.as_slice();
    let mut answers = Vec::new();
    while let Some((answer, used)) = parse(rest, false) {
        answers.push(answer);
        rest = &rest[used..];
    }
    answers
}

/// Sends a request and hangs up as soon as `sent` is over.
pub(crate) async fn hang_up(
    address: SocketAddr,
    method: &str,
    path: &str,
    line: &[u8],
    sent: impl Future<Output = ()>,
) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(&head(method, path, &[line], true))
        .await
        .unwrap();
    sent.await;
}

fn head(method: &str, path: &str, lines: &[&[u8]], last: bool) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: scenario\r\n").into_bytes();
    for line in lines {
        head.extend_from_slice(line);
        head.extend_from_slice(b"\r\n");
    }
    if last {
        head.extend_from_slice(b"Connection: close\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends all and reads until the server hangs up. A server may do so before it has read all.
async fn exchange(address: SocketAddr, bytes: Vec<u8>) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let sending = async move {
        let _ = writing.write_all(&bytes).await;
        writing
    };
    let receiving = async move {
        let mut received = Vec::new();
        let mut chunk = vec![0; 1 << 16];
        while let Ok(length @ 1..) = reading.read(&mut chunk).await {
            received.extend_from_slice(&chunk[..length]);
        }
        received
    };
    let both = async { tokio::join!(sending, receiving) };
    let (_writing, received) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    received
}

/// The first answer in `bytes`, and how long it is. Bodies have a length, or reach to the end.
fn parse(bytes: &[u8], bodiless: bool) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(&bytes[..end - 4]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: HeaderMap = lines.map(header).collect();
    let length = headers.get("content-length");
    let length = length.map(|length| length.to_str().unwrap().parse().unwrap());
    let length = if bodiless {
        0
    } else {
        length.unwrap_or(bytes.len() - end)
    };
    let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    let answer = Answer {
        status,
        headers,
        body,
    };
    Some((answer, end + length))
}

fn header(line: &str) -> (HeaderName, HeaderValue) {
    let (name, value) = line.split_once(": ").unwrap();
    (name.parse().unwrap(), value.parse().unwrap())
}
