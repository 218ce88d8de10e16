//! A farm: a state server in this process, a configuration, a ring, and sessions.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use session_core::{Create, Lifetime, PrincipalKey, Record, SessionStore, StoreKey, Timestamp};
use session_store_state_server::StateServerStore;
use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::process::run;

/// What is in every session and in no output.
pub(crate) const CANARY: &str = "canary-of-a-payload";

/// The runtime that servers and stores live on.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// A fresh state server's URL.
pub(crate) fn state_server() -> String {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(Limits::default(), Tokens::from_lines(""));
        tokio::spawn(server.serve(Listening::Tcp(listener)));
        format!("state-server://{address}")
    })
}

/// A configuration and its ring.
pub(crate) struct Farm {
    folder: TempDir,
    pub(crate) url: String,
}

impl Farm {
    /// A farm of the application `shop`, over a state server of its own.
    pub(crate) fn new() -> Self {
        Self::over(&state_server(), "")
    }

    /// A farm over this store, with more settings of `[session]`.
    pub(crate) fn over(url: &str, session: &str) -> Self {
        let farm = Self {
            folder: tempfile::tempdir().unwrap(),
            url: url.to_owned(),
        };
        run(["key", "generate", &farm.ring()]).done();
        farm.configure(session);
        farm
    }

    pub(crate) fn configure(&self, session: &str) {
        let (url, ring) = (&self.url, self.ring());
        let text = format!(
            "[session]\napp = \"shop\"\ninstance = \"web1\"\n{session}\n\
             [store]\nurl = \"{url}\"\n[machine_key]\nring = \"{ring}\"\ncreate = true\n"
        );
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn config(&self) -> String {
        self.folder
            .path()
            .join("session.toml")
            .display()
            .to_string()
    }

    pub(crate) fn ring(&self) -> String {
        self.folder.path().join("ring.toml").display().to_string()
    }

    pub(crate) fn store(&self) -> Arc<dyn SessionStore> {
        let _entered = runtime().enter();
        Arc::new(StateServerStore::builder(&self.url).unwrap().build())
    }
}

/// Adds a session of a principal.
pub(crate) fn add_session(
    store: &Arc<dyn SessionStore>,
    number: u8,
    principal: &str,
    idle: Duration,
) {
    let record = Record {
        payload: CANARY.as_bytes().to_vec().into(),
        labels: CANARY.as_bytes().to_vec().into(),
        principal: Some(PrincipalKey::derive("shop", principal)),
        created: Timestamp::from_millis(1_700_000_000_000),
        deadline: Timestamp::from_millis(1_800_000_000_000),
    };
    let lifetime = Lifetime {
        idle,
        absolute: Duration::from_secs(12 * 60 * 60),
    };
    let key = StoreKey::from_bytes([number; StoreKey::LENGTH]);
    let creating = Arc::clone(store).create(key, record, lifetime);
    let created = runtime().block_on(creating).unwrap();
    assert!(matches!(created, Create::Created(_)));
}
