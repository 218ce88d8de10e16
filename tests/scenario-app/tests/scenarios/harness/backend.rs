//! [`Backend`]: what keeps the sessions of a farm.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Browser;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// In each process.
    Memory,
    /// A state server that all processes share.
    StateServer,
}

/// What keeps the sessions of a farm.
#[derive(Debug)]
pub(crate) enum Backend {
    Memory,
    StateServer(StateServer),
}

impl Backend {
    /// Starts what is needed; its log goes into `directory`.
    pub(super) fn start(store: Store, directory: &Path) -> Self {
        match store {
            Store::Memory => Self::Memory,
            Store::StateServer => Self::StateServer(StateServer::start(directory)),
        }
    }

    /// Whether two processes see the same sessions.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    /// The URL under which instances reach it.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::StateServer(server) => format!("state-server://{}", server.address),
        }
    }

    /// How to count its records; none if only an instance itself can.
    pub(super) fn census(&self) -> Option<Census> {
        match self {
            Self::Memory => None,
            Self::StateServer(server) => Some(Census {
                metrics: server.admin.clone(),
            }),
        }
    }
}

/// A state server in a process of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct StateServer {
    process: Child,
    address: String,
    admin: String,
}

impl StateServer {
    fn start(directory: &Path) -> Self {
        let log = File::create(directory.join("state-server.log")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_scenario-store"))
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .env_clear()
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut after = |prefix: &str| {
            let line = output.next().unwrap().unwrap();
            line.strip_prefix(prefix).unwrap().to_owned()
        };
        Self {
            process,
            address: after("listening on "),
            admin: after("admin on "),
        }
    }
}

impl Drop for StateServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How to count the records of a store that stands beside the instances.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    metrics: String,
}

impl Census {
    pub(super) async fn sessions(&self) -> u64 {
        let metrics = Browser::new(vec![self.metrics.parse().unwrap()])
            .get("/metrics")
            .await;
        let mut lines = metrics.body.lines();
        let line = lines.find_map(|line| line.strip_prefix("session_state_server_items "));
        line.unwrap().parse().unwrap()
    }
}
