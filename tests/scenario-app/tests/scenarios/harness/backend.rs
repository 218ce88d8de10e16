//! [`Backend`]: what keeps the sessions of a farm.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use session_core::SessionStore;
use session_store_state_server::StateServerStore;

use super::Browser;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// In each process.
    Memory,
    /// A state server that all processes share.
    StateServer,
    /// A state server that keeps what it acknowledged in a file.
    DurableStateServer,
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
            Store::StateServer => Self::StateServer(StateServer::start(directory, &[])),
            Store::DurableStateServer => {
                let data = directory.join("data");
                let flags = ["--data-dir", data.to_str().unwrap(), "--durability", "sync"];
                Self::StateServer(StateServer::start(directory, &flags))
            }
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
            Self::StateServer(server) => self.url_at(server.address),
        }
    }

    /// The URL under which instances reach it through a proxy at `address`.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        self.server();
        format!("state-server://{address}")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server().address
    }

    /// The store, as an instance has it.
    pub(crate) fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(StateServerStore::builder(&self.url()).unwrap().build())
    }

    /// Lets the store hang.
    pub(crate) fn pause(&self) {
        self.server().signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.server().signal(Signal::CONT);
    }

    pub(crate) fn kill(&self) {
        self.server().signal(Signal::KILL);
    }

    /// Starts the store again, where it was.
    pub(crate) fn start_again(&self) {
        self.server().start_again();
    }

    /// How to count its records; none if only an instance itself can.
    pub(super) fn census(&self) -> Option<Census> {
        match self {
            Self::Memory => None,
            Self::StateServer(server) => Some(Census {
                metrics: server.admin,
            }),
        }
    }

    fn server(&self) -> &StateServer {
        match self {
            Self::Memory => panic!("there is no server behind an in-process store"),
            Self::StateServer(server) => server,
        }
    }
}

/// A state server in a process of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct StateServer {
    process: Mutex<Child>,
    address: SocketAddr,
    admin: SocketAddr,
    log: PathBuf,
    flags: Vec<String>,
}

impl StateServer {
    fn start(directory: &Path, flags: &[&str]) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let log = directory.join("state-server.log");
        let (process, address, admin) = spawn(&log, &flags, any, any);
        Self {
            process: Mutex::new(process),
            address,
            admin,
            log,
            flags,
        }
    }

    fn start_again(&self) {
        let mut process = self.process.lock().unwrap();
        process.wait().unwrap();
        *process = spawn(&self.log, &self.flags, self.address, self.admin).0;
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.lock().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

/// Starts a state server and waits until it listens: the process, and where it listens.
fn spawn(
    log: &Path,
    flags: &[String],
    at: SocketAddr,
    admin: SocketAddr,
) -> (Child, SocketAddr, SocketAddr) {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_scenario-store"))
        .args(["--listen", &at.to_string(), "--admin", &admin.to_string()])
        .args(flags)
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
        line.strip_prefix(prefix).unwrap().parse().unwrap()
    };
    let (address, admin) = (after("listening on "), after("admin on "));
    (process, address, admin)
}

impl Drop for StateServer {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap();
        // It may have ended by itself.
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// How to count the records of a store that stands beside the instances.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    metrics: SocketAddr,
}

impl Census {
    pub(super) async fn sessions(&self) -> u64 {
        let metrics = Browser::new(vec![self.metrics]).get("/metrics").await;
        let mut lines = metrics.body.lines();
        let line = lines.find_map(|line| line.strip_prefix("session_state_server_items "));
        line.unwrap().parse().unwrap()
    }
}
