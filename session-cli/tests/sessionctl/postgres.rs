//! A private PostgreSQL for the tests of this binary, gone when the binary ends.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts a server and obeys until its input ends, which is when this process does.
const SCRIPT: &str = include_str!("../../../stores/sql/tests/postgres/server/server.sh");

pub(crate) const PASSWORD: &str = "correct-horse";

/// A running server.
pub(crate) struct Server {
    folder: String,
    port: u16,
    _input: ChildStdin,
    _script: Child,
}

/// The server that all tests share.
pub(crate) fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let port = free_port();
        let mut script = shell()
            .args(["-c", SCRIPT, "server.sh", &port.to_string(), PASSWORD])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut ready).unwrap();
        let folder = ready.trim().strip_prefix("ready ").unwrap_or_else(|| {
            panic!("PostgreSQL did not start (Debian: apt-get install postgresql): {ready}")
        });
        Self {
            folder: folder.to_owned(),
            port,
            _input: script.stdin.take().unwrap(),
            _script: script,
        }
    }

    /// The URL over the Unix socket.
    pub(crate) fn url(&self) -> String {
        let (folder, port) = (&self.folder, self.port);
        let patience = "connect-timeout=10s&operation-timeout=20s";
        format!("postgres://postgres@/postgres?host={folder}&port={port}&{patience}")
    }

    /// The URL over TCP, with a password.
    pub(crate) fn tcp(&self) -> String {
        format!(
            "postgres://postgres:{PASSWORD}@localhost:{}/postgres",
            self.port
        )
    }

    /// The name of tables that are not there yet.
    pub(crate) fn fresh_table() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("sessions_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }
}

/// A shell; PostgreSQL refuses to run as root, so not as root.
fn shell() -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !root {
        return Command::new("sh");
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", "sh"]);
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
