//! Processes from both sides: starting and ending one, and being one.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// How a process tells where it listens.
const LISTENING: &str = "listening on ";

/// A process that this one started. It ends with this one, whatever this one's end is.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    id: u32,
    output: Lines<BufReader<ChildStdout>>,
    last_words: Arc<Mutex<String>>,
    listening: JoinHandle<()>,
    /// Closed by the operating system when this process ends, which is how the other one hears
    /// of it.
    _lifeline: ChildStdin,
}

impl Process {
    /// Starts this very program in another role. Its log lines appear in ours, after `label`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        label: String,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl+C in a terminal is for the supervisor, which ends the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("the process has no standard streams");
        let last_words = Arc::default();
        let stderr = child.stderr.take().ok_or_else(gone)?;
        Ok(Self {
            id: child.id().ok_or_else(gone)?,
            output: BufReader::new(child.stdout.take().ok_or_else(gone)?).lines(),
            _lifeline: child.stdin.take().ok_or_else(gone)?,
            listening: tokio::spawn(listen(stderr, label, Arc::clone(&last_words))),
            last_words,
            child,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Where the process listens; `None` if it ends without having said so.
    pub(crate) async fn address(&mut self) -> Option<SocketAddr> {
        while let Ok(Some(line)) = self.output.next_line().await {
            if let Some(address) = line.strip_prefix(LISTENING) {
                return address.parse().ok();
            }
        }
        None
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        // A process that has ended meanwhile needs no signal.
        let _ = id.map(|id| kill_process(id, signal));
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> End {
        let status = self.child.wait().await;
        let _ = (&mut self.listening).await;
        End {
            status: status.ok(),
            last_words: self.last_words.lock().clone(),
        }
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct End {
    status: Option<ExitStatus>,
    last_words: String,
}

impl End {
    /// Whether the process said that it was done.
    pub(crate) fn in_order(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The end in one sentence: the process's own words if it gave up, the signal if it was
    /// killed.
    pub(crate) fn reason(&self) -> String {
        use std::os::unix::process::ExitStatusExt as _;
        let signal = self.status.and_then(|status| status.signal());
        let code = self.status.and_then(|status| status.code());
        match (signal, code) {
            (Some(signal), _) => format!("ended by signal {signal}"),
            (None, Some(0)) => "ended in order".to_owned(),
            (None, Some(code)) if self.last_words.is_empty() => format!("ended with code {code}"),
            (None, _) => self.last_words.clone(),
        }
    }
}

/// Passes the lines of a process on, and remembers the last one.
async fn listen(stderr: ChildStderr, label: String, last_words: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let _ = writeln!(io::stderr(), "{label} | {line}");
        let words = line.strip_prefix("web-farm: ").unwrap_or(&line);
        words.clone_into(&mut last_words.lock());
    }
}

/// Tells the process that started this one where it listens.
pub(crate) fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{LISTENING}{address}")?;
    out.flush()
}

/// Ends this process when the one that started it is gone, even if that was killed: the pipe on
/// standard input is closed then.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut stdin = io::stdin().lock();
        let mut byte = [0];
        loop {
            match stdin.read(&mut byte) {
                Ok(1) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => std::process::exit(1),
            }
        }
    });
}

/// Completes when this process is asked to stop: at Ctrl+C, or by a service manager.
pub(crate) fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
