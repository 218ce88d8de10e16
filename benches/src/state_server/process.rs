//! The servers, each a process of its own.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use crate::instance::Failure;

/// First argument of a run as the state server.
pub const DAEMON: &str = "state-server-daemon";

/// The program `session-state-server`, as its users run it.
pub fn daemon(flags: &[String]) -> ExitCode {
    let name = "session-state-server".to_owned();
    let arguments = std::iter::once(name).chain(flags.iter().cloned());
    session_store_state_server::server::daemon(arguments)
}

/// A process that ends with this.
pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

/// This program once more, and what it says.
pub fn again<A: Into<OsString>>(
    first: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<(Process, ChildStdout), Failure> {
    let mut child = Command::new(env::current_exe()?)
        .arg(first)
        .args(arguments.into_iter().map(Into::into))
        .stdout(Stdio::piped())
        .spawn()?;
    let told = child.stdout.take().ok_or("no standard output")?;
    Ok((Process(child), told))
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct StateServer {
    process: Process,
    tcp: SocketAddr,
    unix: PathBuf,
    admin: SocketAddr,
}

impl StateServer {
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        let unix = folder.join("state.sock");
        remove(&unix)?;
        let mut flags = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
            .map(OsString::from)
            .to_vec();
        flags.extend(["--listen-unix".into(), unix.clone().into()]);
        let (process, told) = again(DAEMON, flags)?;
        let mut lines = BufReader::new(told).lines();
        let mut next = |what: &str| -> Result<String, Failure> {
            let line = lines.next().ok_or("the state server did not start")??;
            let at = line.strip_prefix(what);
            Ok(at.ok_or_else(|| format!("{line:?}"))?.to_owned())
        };
        let tcp = next("listening on ")?.parse()?;
        next("listening on ")?;
        let admin = next("admin on ")?.parse()?;
        Ok(Self {
            process,
            tcp,
            unix,
            admin,
        })
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The URL of its TCP port.
    pub fn tcp(&self) -> String {
        format!("state-server://{}", self.tcp)
    }

    /// The URL of its Unix socket.
    pub fn unix(&self) -> String {
        format!("state-server+unix://{}", self.unix.display())
    }

    /// One of its own figures.
    pub fn metric(&self, name: &str) -> Result<f64, Failure> {
        let mut stream = TcpStream::connect(self.admin)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or_else(|| format!("no metric {name}"))?.parse()?)
    }
}

pub struct RedisServer {
    process: Process,
    port: u16,
    unix: PathBuf,
}

impl RedisServer {
    const PROGRAM: &str = "redis-server";

    pub fn is_installed() -> Result<bool, Failure> {
        let mut version = Command::new(Self::PROGRAM);
        match version.arg("--version").stdout(Stdio::null()).status() {
            Ok(status) => Ok(status.success()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts one that keeps everything in memory only.
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        let unix = folder.join("redis.sock");
        remove(&unix)?;
        // Free a moment ago; another program may take it first, and then redis-server ends.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut flags: Vec<OsString> = vec!["--dir".into(), folder.into()];
        flags.extend(["--unixsocket".into(), unix.clone().into()]);
        let port_text = port.to_string();
        for flag in ["--port", &port_text, "--bind", "127.0.0.1", "--save", ""] {
            flags.push(flag.into());
        }
        flags.extend(["--appendonly".into(), "no".into()]);
        let mut command = Command::new(Self::PROGRAM);
        let process = Process(command.args(flags).stdout(Stdio::null()).spawn()?);
        let server = Self {
            process,
            port,
            unix,
        };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> Result<(), Failure> {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && self.unix.exists() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(25));
        }
        Err("redis-server did not start".into())
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn tcp(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn unix(&self) -> String {
        format!("redis+unix://{}", self.unix.display())
    }
}

/// Removes the socket of a server that has ended.
fn remove(socket: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
