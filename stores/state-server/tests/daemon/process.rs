//! The process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;

/// How long anything may take that should take no time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that runs; it ends with this.
pub(crate) struct Daemon {
    child: Child,
    /// Where it listens, in the order of its announcements.
    pub(crate) places: Vec<String>,
    pub(crate) admin: String,
    log: Arc<Mutex<String>>,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-state-server"));
    command.args(args).env_remove("RUST_LOG");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a daemon says that does not start.
#[track_caller]
pub(crate) fn refused(args: &[&str]) -> String {
    let mut child = command(args).spawn().unwrap();
    let status = wait(&mut child, PATIENCE).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("{args:?} was not refused")
    });
    assert!(!status.success(), "{args:?}");
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    said
}

impl Daemon {
    /// Starts a daemon on free ports, unless the arguments say otherwise.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut args = args.to_vec();
        for flag in ["--listen", "--admin"] {
            if !args.contains(&flag) {
                args.extend([flag, "127.0.0.1:0"]);
            }
        }
        Self::start_as_told(&args)
    }

    /// Starts a daemon with these arguments and no others.
    #[track_caller]
    pub(crate) fn start_as_told(args: &[&str]) -> Self {
        let mut child = command(args).spawn().unwrap();
        let log = Arc::default();
        let mut daemon = Self {
            places: Vec::new(),
            admin: String::new(),
            log: gather(child.stderr.take().unwrap(), log),
            child,
        };
        let value = |flag: &str| {
            args.iter()
                .position(|arg| *arg == flag)
                .map(|at| args[at + 1])
        };
        let opened = ["--listen", "--listen-unix", "--admin"].map(value);
        let opened = opened.iter().flatten().filter(|at| **at != "none");
        daemon.read_announcements(opened.count());
        daemon
    }

    #[track_caller]
    fn read_announcements(&mut self, count: usize) {
        let stdout = self.child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        for _ in 0..count {
            let line = lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it did not start: {}", self.log()));
            match line.split_once(" on ").unwrap() {
                ("listening", at) => self.places.push(at.to_owned()),
                ("admin", at) => self.admin = at.to_owned(),
                _ => panic!("{line}"),
            }
        }
    }

    /// A connection to the first of its places.
    pub(crate) fn client(&self) -> Client {
        Client::to(&self.places[0])
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, so that nothing is tidied up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, if it does in time.
    #[track_caller]
    pub(crate) fn ended(&mut self, limit: Duration) -> ExitStatus {
        wait(&mut self.child, limit).expect("an end in time")
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until its log has these words.
    #[track_caller]
    pub(crate) fn logs(&self, words: &str) {
        until(|| self.log().contains(words).then_some(()))
            .unwrap_or_else(|| panic!("{words:?} is not in {}", self.log()));
    }

    /// The answer of the admin port.
    #[track_caller]
    pub(crate) fn ask_admin(&self, path: &str) -> String {
        let mut client = Client::to(&self.admin);
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
            self.admin
        ));
        client.rest()
    }

    /// A number from the metrics.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.ask_admin("/metrics");
        let start = format!("session_state_server_{name} ");
        let mut found = text.lines().filter_map(|line| line.strip_prefix(&start));
        let number = found
            .next()
            .unwrap_or_else(|| panic!("{name} is not in {text}"));
        number.parse().unwrap()
    }

    /// The memory of the process that is resident, in bytes.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse::<usize>().unwrap() << 10
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `look` finds, if it does in time.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

fn gather(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> Arc<Mutex<String>> {
    let log = Arc::clone(&into);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = into.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    log
}
