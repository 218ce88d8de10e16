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
    query: &'static str,
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
            query: "",
            _folder: None,
        }
    }

    pub(crate) fn unix() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("state.sock");
        serve(Listening::Unix(UnixListener::bind(&socket).unwrap()));
        Self {
            url: format!("state-server+unix://{}", socket.display()),
            query: "",
            _folder: Some(folder),
        }
    }

    /// The same servers, spoken to as an ASP.NET state service would be.
    pub(crate) fn spoken_to_plainly(mut self) -> Self {
        self.query = "&protocol=ms-asp&waiting-connections=64&operation-timeout=10s";
        self
    }
}

/// Clauses that no server of the published protocol can keep, and why.
fn beyond_the_published_protocol(clause: &str) -> Option<&'static str> {
    match clause {
        "list_shows_what_the_record_says"
        | "list_pages_through_every_session_once"
        | "list_forgets_ended_sessions"
        | "list_forgets_expired_sessions"
        | "list_follows_a_rename"
        | "list_follows_the_principal"
        | "list_of_an_unknown_principal_is_empty"
        | "delete_all_spares_the_exception"
        | "delete_all_ends_more_than_a_page"
        | "delete_all_does_not_count_the_expired"
        | "n12_no_session_escapes_delete_all_by_renaming" => Some("there is no index"),
        "meta_row_starts_at_version_one"
        | "meta_write_needs_the_current_version"
        | "meta_conflict_carries_the_row"
        | "concurrent_meta_writes_have_one_winner" => Some("there are no control rows"),
        _ => None,
    }
}

#[async_trait]
impl Harness for Farm {
    async fn store(&self) -> Arc<dyn SessionStore> {
        let url = format!("{}?connect-timeout=10s{}", self.url, self.query);
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

    /// The published protocol has no queue: its waiters ask again and again.
    fn serves_in_order(&self) -> bool {
        self.query.is_empty()
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    fn skip(&self, clause: &str) -> Option<&'static str> {
        match self.query {
            "" => None,
            _ => beyond_the_published_protocol(clause),
        }
    }
}
