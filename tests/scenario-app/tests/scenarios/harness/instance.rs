//! [`Instance`]: a running process of the application.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running process of the application; killed when dropped.
#[derive(Debug)]
pub(crate) struct Instance {
    process: Child,
    address: SocketAddr,
    output: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

/// A process that did not start.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) after: Duration,
}

/// How to start a process.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) framework: &'static str,
    pub(crate) config: &'a Path,
    /// What is logged; without it `RUST_LOG` of the test run decides, or else everything is.
    pub(crate) filter: Option<&'a str>,
    /// The file that standard error goes to.
    pub(crate) log: PathBuf,
}

/// Starts the application and waits until it listens or has ended.
pub(crate) async fn launch(launch: Launch<'_>) -> Result<Instance, Refused> {
    let started = Instant::now();
    let stderr = File::create(&launch.log).unwrap();
    let mut process = launch.command().stderr(stderr).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    match output.next_line().await.unwrap() {
        Some(line) => Ok(Instance {
            process,
            address: line
                .strip_prefix("listening on http://")
                .unwrap()
                .parse()
                .unwrap(),
            output,
            log: launch.log,
        }),
        None => Err(Refused {
            code: process.wait().await.unwrap().code(),
            stderr: fs::read_to_string(&launch.log).unwrap(),
            after: started.elapsed(),
        }),
    }
}

impl Launch<'_> {
    /// The environment of the test run must not leak into the configuration under test.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scenario-app"));
        command
            .arg("--config")
            .arg(self.config)
            .args(["--listen", "127.0.0.1:0", "--framework", self.framework])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let filter = self.filter.map(OsString::from);
        let filter = filter.or_else(|| std::env::var_os("RUST_LOG"));
        command.env("RUST_LOG", filter.unwrap_or_else(|| "trace".into()));
        command
    }
}

impl Instance {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the process has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the process; its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        self.process.wait().await.unwrap().code()
    }

    /// What it wrote to standard output after the line that told its address.
    pub(crate) async fn rest_of_output(&mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.output.next_line().await.unwrap() {
            rest.push_str(&line);
            rest.push('\n');
        }
        rest
    }
}
