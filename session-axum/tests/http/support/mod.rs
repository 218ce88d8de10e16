//! A server on a socket, and clients with cookie jars.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use reqwest::{Client, Response};
use session_axum::SessionLayer;
use session_core::testing::{CountingStore, FaultyStore};
use session_core::{Engine, KeyRing, SessionConfig, SessionConfigBuilder};
use session_store_memory::MemoryStore;

/// A store that counts and fails, and a layer over it.
pub(crate) struct Sessions {
    pub(crate) counts: Arc<CountingStore>,
    pub(crate) faults: Arc<FaultyStore>,
    pub(crate) layer: SessionLayer,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with(|config| config)
    }
}

impl Sessions {
    pub(crate) fn with(change: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> Self {
        let faults = FaultyStore::wrap(Arc::new(MemoryStore::default()));
        let counts = CountingStore::wrap(faults.clone());
        let ring = KeyRing::ephemeral().unwrap();
        // The clients speak plain HTTP and send no cookie that is Secure.
        let insecure = SessionConfig::builder("shop")
            .cookie(|cookie| cookie.name("session").insecure_allow_http(true));
        let config = change(insecure).build().unwrap();
        let engine = Engine::new(config, ring, counts.clone()).unwrap();
        let layer = SessionLayer::from(engine);
        Self {
            counts,
            faults,
            layer,
        }
    }

    /// What was asked of the store since the last time.
    pub(crate) fn trips(&self) -> String {
        let counts = self.counts.counts();
        self.counts.reset();
        let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// A server that runs as long as the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn visitor(&self) -> Visitor {
        let redirects = reqwest::redirect::Policy::none();
        let client = Client::builder()
            .cookie_store(true)
            .redirect(redirects)
            .timeout(Duration::from_secs(20));
        Visitor {
            client: client.build().unwrap(),
            address: self.address,
        }
    }
}

/// A client with a cookie jar.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) client: Client,
    address: SocketAddr,
}

impl Visitor {
    pub(crate) async fn get(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).send().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        response.text().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }
}

/// The values of a header, joined.
pub(crate) fn header(response: &Response, name: &str) -> String {
    let values = response.headers().get_all(name).iter();
    let values = values.map(|value| value.to_str().unwrap().to_owned());
    values.collect::<Vec<_>>().join(" + ")
}

pub(crate) fn sets_cookie(response: &Response) -> bool {
    response.headers().contains_key("set-cookie")
}
