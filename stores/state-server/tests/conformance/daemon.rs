//! State servers on ports and sockets of their own, and stores on them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::SessionStore;
use session_core::testing::conformance::{Harness, Sweeping};
use session_store_state_server::StateServerStore;
use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};

/// One server or several. They end with the test's runtime.
pub(crate) struct Farm {
    url: String,
    /// Where the socket is.
    _folder: Option<TempDir>,
}

fn serve(listening: Listening) {
    let server = Server::new(Limits::default(), Tokens::from_lines(""));
    tokio::spawn(server.serve(listening));
}

impl Farm {
    pub(crate) async fn tcp(count: usize) -> Self {
        let mut addresses = Vec::new();
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap().to_string());
            serve(Listening::Tcp(listener));
        }
        Self {
            url: format!("state-server://{}", addresses.join(",")),
            _folder: None,
        }
    }

    pub(crate) fn unix() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("state.sock");
        serve(Listening::Unix(UnixListener::bind(&socket).unwrap()));
        Self {
            url: format!("state-server+unix://{}", socket.display()),
            _folder: Some(folder),
        }
    }
}

#[async_trait]
impl Harness for Farm {
    async fn store(&self) -> Arc<dyn SessionStore> {
        let url = format!("{}?connect-timeout=10s", self.url);
        Arc::new(StateServerStore::builder(&url).unwrap().build())
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn unit(&self) -> Duration {
        Duration::from_millis(400)
    }

    fn grain(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn sweeping(&self) -> Sweeping {
        Sweeping::ByItself
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
