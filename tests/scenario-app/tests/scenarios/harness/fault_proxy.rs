//! [`FaultProxy`]: a proxy between instances and their store that cuts connections.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToStore,
    FromStore,
}

/// A proxy that can cut the connection on which a certain byte travels.
#[derive(Debug)]
pub(crate) struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where to cut next: the way, and how many bytes more may go that way.
    cut: Mutex<Option<(Way, u64)>>,
    bytes: [AtomicU64; 2],
}

impl FaultProxy {
    /// Starts on the runtime of the test.
    pub(crate) async fn start(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
        };
        let shared = Arc::clone(&proxy.shared);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(client, store, Arc::clone(&shared)));
            }
        });
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets `bytes` more go this way, over all connections, and cuts the next one to use it.
    pub(crate) fn cut_after(&self, way: Way, bytes: u64) {
        *self.shared.cut.lock().unwrap() = Some((way, bytes));
    }

    /// Whether the cut is still to come; takes it back.
    pub(crate) fn heal(&self) -> bool {
        self.shared.cut.lock().unwrap().take().is_some()
    }

    /// The bytes that have gone each way: to the store and from it.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let [to, from] = &self.shared.bytes;
        (to.load(Ordering::Relaxed), from.load(Ordering::Relaxed))
    }
}

async fn forward(client: TcpStream, store: SocketAddr, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(store).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever way ends first takes the other one with it.
    tokio::select! {
        () = pump(from_client, to_server, Way::ToStore, &shared) => {}
        () = pump(from_server, to_client, Way::FromStore, &shared) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, shared: &Shared) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let passed = shared.pass(way, length);
        if to.write_all(&buffer[..passed]).await.is_err() || passed < length {
            return;
        }
    }
}

impl Shared {
    /// How many of `length` bytes may go this way.
    fn pass(&self, way: Way, length: usize) -> usize {
        self.bytes[way as usize].fetch_add(length as u64, Ordering::Relaxed);
        let mut cut = self.cut.lock().unwrap();
        match &mut *cut {
            Some((at, left)) if *at == way => match left.checked_sub(length as u64) {
                Some(rest) => {
                    *left = rest;
                    length
                }
                None => {
                    let passed = *left as usize;
                    *cut = None;
                    passed
                }
            },
            _ => length,
        }
    }
}
