//! A proxy that counts what goes to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Counts commands: each begins with a packet of the number 0, and the client waits for the
/// answer before it sends the next.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    commands: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let commands = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commands);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(count(from_client, to_server, Arc::clone(&counter)));
                tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                });
            }
        });
        Self { port, commands }
    }

    /// How many commands there were since the last call.
    pub(crate) fn trips(&self) -> u64 {
        self.commands.swap(0, Ordering::SeqCst)
    }
}

async fn count(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, counter: Arc<AtomicU64>) {
    let mut head = [0; 4];
    while client.read_exact(&mut head).await.is_ok() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        if head[3] == 0 {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        let mut packet = head.to_vec();
        packet.resize(4 + length as usize, 0);
        let read = client.read_exact(&mut packet[4..]).await;
        if read.is_err() || server.write_all(&packet).await.is_err() {
            return;
        }
    }
}
