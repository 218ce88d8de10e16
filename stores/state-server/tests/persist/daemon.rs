//! The server as a process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_session-state-server");

/// A directory for sessions.
pub(crate) struct Place(TempDir);

/// A server that runs.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: PathBuf,
}

/// A server that did not start, or was stopped.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    pub(crate) log: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A directory in memory: a busy disk's delays are not what is tested.
    pub(crate) fn in_memory() -> Self {
        Self(TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap()))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.data().join("sessions.db")
    }

    fn command(&self, program: &mut Command, flags: &[&str]) -> Child {
        let log = File::create(self.log()).unwrap();
        program
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(self.data())
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("log")
    }

    /// A server on this directory.
    pub(crate) fn start(&self, flags: &[&str]) -> Daemon {
        self.start_with(&mut Command::new(PROGRAM), flags)
    }

    /// A server that may write files of so many half KiB, until that is raised.
    pub(crate) fn start_limited(&self, blocks: u32, flags: &[&str]) -> Daemon {
        let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, PROGRAM]);
        self.start_with(&mut shell, flags)
    }

    fn start_with(&self, program: &mut Command, flags: &[&str]) -> Daemon {
        match Daemon::new(self.command(program, flags), self.log()) {
            Ok(daemon) => daemon,
            Err(ended) => panic!("{}", ended.log),
        }
    }

    /// A server that does not start.
    pub(crate) fn start_in_vain(&self, flags: &[&str]) -> Ended {
        let child = self.command(&mut Command::new(PROGRAM), flags);
        let started = Daemon::new(child, self.log());
        started.err().expect("it starts, and should not")
    }

    pub(crate) fn try_start(&self) -> Result<Daemon, Ended> {
        let child = self.command(&mut Command::new(PROGRAM), &[]);
        Daemon::new(child, self.log())
    }
}

impl Daemon {
    fn new(mut child: Child, log: PathBuf) -> Result<Self, Ended> {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |before: &str| {
            let line = lines.next()?.unwrap();
            line.strip_prefix(before)
                .map(|address| address.parse().unwrap())
        };
        match (address("listening on "), address("admin on ")) {
            (Some(address), Some(admin)) => Ok(Self {
                child,
                address,
                admin,
                log,
            }),
            _ => Err(Ended {
                is_success: child.wait().unwrap().success(),
                log: std::fs::read_to_string(log).unwrap(),
            }),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address).unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Kills it. Nothing of it is left when this returns.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Ended {
        kill_process(self.pid(), Signal::TERM).unwrap();
        let is_success = self.child.wait().unwrap().success();
        Ended {
            is_success,
            log: self.log(),
        }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A page of the admin port, with its head.
    pub(crate) fn admin_page(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.admin).unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())
            .unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// A metric, by its name without the prefix.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let page = self.admin_page("/metrics");
        let start = format!("session_state_server_{name} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&start));
        value
            .unwrap_or_else(|| panic!("no {name} in {page}"))
            .parse()
            .unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(15), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
