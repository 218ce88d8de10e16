//! A server that keeps records and nothing else, and a wire to it that breaks.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::scripted::{Request, Scripted, answer};

/// What a server keeps: revision and bytes of each target.
pub(crate) type Shelf = Arc<Mutex<HashMap<String, (u64, Vec<u8>)>>>;

/// Serves `shelf`: loads, creates, and saves on the current revision.
pub(crate) async fn serve(shelf: Shelf) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_on(listener, shelf)
}

pub(crate) fn serve_on(listener: TcpListener, shelf: Shelf) -> Scripted {
    Scripted::start_on(listener, move |_, mut peer| {
        let shelf = Arc::clone(&shelf);
        async move {
            loop {
                let request = peer.request().await?;
                let reply = reply(&shelf, request);
                peer.answer(&reply).await?;
            }
        }
    })
}

fn reply(shelf: &Shelf, request: Request) -> Vec<u8> {
    if request.is_greeting() {
        return request.mirrored();
    }
    let mut shelf = shelf.lock();
    let target = request.target();
    if request.is("GET") {
        return match shelf.get(&target) {
            Some((revision, body)) => found("200 OK", *revision, body),
            None => answer("404 Not Found", "", b""),
        };
    }
    let base = request
        .field("If-Match")
        .map(|tag| tag.trim_matches('"').parse().unwrap());
    match (shelf.get(&target), base) {
        (None, Some(_)) => answer("404 Not Found", "", b""),
        (Some((revision, body)), base) if base != Some(*revision) => {
            found("412 Precondition Failed", *revision, body)
        }
        (_, base) => {
            let revision = base.unwrap_or(0) + 1;
            shelf.insert(target, (revision, request.body));
            answer("200 OK", &format!("ETag: \"{revision}\"\r\n"), b"")
        }
    }
}

fn found(status: &str, revision: u64, body: &[u8]) -> Vec<u8> {
    let fields = format!("ETag: \"{revision}\"\r\nSession-Ttl: 60000\r\nSession-Left: 50000\r\n");
    answer(status, &fields, body)
}

/// Where a wire breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// After so many bytes from the client.
    Request(usize),
    /// After so many bytes from the server.
    Reply(usize),
}

/// A wire to a server. The first connection over it breaks as it is told; later ones hold.
pub(crate) struct Wire {
    pub(crate) address: String,
    broken: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) async fn to(server: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let broken = Arc::new(AtomicUsize::new(0));
        let (server, count) = (server.to_owned(), Arc::clone(&broken));
        tokio::spawn(async move {
            let mut first = Some(cut);
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                let (cut, count) = (first.take(), Arc::clone(&count));
                tokio::spawn(async move { carry(near, far, cut, &count).await });
            }
        });
        Self { address, broken }
    }

    /// Whether the wire broke: the cut lay within what was said.
    pub(crate) fn has_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst) > 0
    }
}

#[derive(Debug)]
enum Ended {
    Cut,
    Closed,
}

/// Carries bytes both ways until one side closes or the wire is cut.
async fn carry(near: TcpStream, far: TcpStream, cut: Option<Cut>, broken: &AtomicUsize) {
    let (requests, replies) = match cut {
        None => (usize::MAX, usize::MAX),
        Some(Cut::Request(count)) => (count, usize::MAX),
        Some(Cut::Reply(count)) => (usize::MAX, count),
    };
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let ended = tokio::select! {
        ended = copy(&mut near_in, &mut far_out, requests) => ended,
        ended = copy(&mut far_in, &mut near_out, replies) => ended,
    };
    // Counted before the sockets are closed and somebody notices.
    if matches!(ended, Ok(Ended::Cut)) {
        broken.fetch_add(1, Ordering::SeqCst);
    }
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut left: usize,
) -> io::Result<Ended> {
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = buffer.len().min(left);
        let count = from.read(&mut buffer[..most]).await?;
        if count == 0 {
            return Ok(Ended::Closed);
        }
        to.write_all(&buffer[..count]).await?;
        left -= count;
    }
    Ok(Ended::Cut)
}
