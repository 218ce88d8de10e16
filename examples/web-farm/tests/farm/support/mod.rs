//! The real farm on free ports, and what a visitor and a passer-by can see of it.

mod visitor;

use std::fs;
use std::future::Future;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

pub(crate) use self::visitor::Visitor;

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "still not: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_web-farm"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// What the program says when it cannot start.
pub(crate) async fn fail_to_start(arguments: &[&str]) -> Output {
    let output = timeout(PATIENCE, command(arguments).output()).await;
    output.expect("it ends").expect("its end")
}

/// The address in the first line that a process prints which has one.
pub(crate) async fn printed_address(
    process: &mut Child,
) -> (String, Lines<BufReader<ChildStdout>>) {
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let address = timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.expect("text") {
            if let Some(at) = line.find("127.0.0.1:") {
                let address = line[at..].split(['/', ' ']).next();
                return address.expect("an address").to_owned();
            }
        }
        panic!("the process ended");
    });
    (address.await.expect("an address"), lines)
}

/// A farm that runs; killed when dropped.
pub(crate) struct Farm {
    process: Child,
    url: String,
    client: Client,
    _output: Lines<BufReader<ChildStdout>>,
    /// Where the farm makes its folder, which one that is killed leaves behind.
    _temporary: TempDir,
}

impl Farm {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let all = [&["--port", "0"], arguments].concat();
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = command(&all);
        command
            .env("TMPDIR", temporary.path())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("a farm");
        let (address, output) = printed_address(&mut process).await;
        Self {
            process,
            url: format!("http://{address}"),
            client: client(),
            _output: output,
            _temporary: temporary,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::of(&self.url)
    }

    pub(crate) async fn state(&self) -> Value {
        state_at(&self.client, &self.url).await
    }

    /// Presses a button of the page.
    pub(crate) async fn press(&self, button: &str, instance: Option<u64>) {
        press_at(&self.client, &self.url, button, instance).await;
    }

    /// Waits until the farm looks as `what` says; the value that `look` finds in its state.
    pub(crate) async fn until<T>(&self, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        until(what, || async { look(&self.state().await) }).await
    }

    /// The ids of all processes.
    pub(crate) async fn processes(&self) -> Vec<u64> {
        let state = self.state().await;
        let own = self.process.id().map(u64::from);
        let instances = rows(&state)
            .iter()
            .filter_map(|row| row["process"].as_u64());
        let store = state["store"]["process"].as_u64();
        own.into_iter().chain(instances).chain(store).collect()
    }

    pub(crate) async fn end_with(mut self, signal: Signal) -> ExitStatus {
        let id = i32::try_from(self.process.id().expect("it runs")).expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), signal).expect("a signal");
        let end = timeout(PATIENCE, self.process.wait()).await;
        end.expect("it ends").expect("its end")
    }
}

/// A client that stays where it is sent: the page after a button may be the one that says what
/// is broken.
pub(crate) fn client() -> Client {
    let client = Client::builder().redirect(Policy::none()).build();
    client.expect("a client")
}

pub(crate) async fn state_at(client: &Client, url: &str) -> Value {
    let answer = client.get(format!("{url}/farm/state.json")).send().await;
    answer.expect("an answer").json().await.expect("a state")
}

pub(crate) async fn press_at(client: &Client, url: &str, button: &str, instance: Option<u64>) {
    let request = client.post(format!("{url}/farm/{button}"));
    let fields = instance.map(|number| ("instance", number.to_string()));
    let fields: Vec<_> = fields.into_iter().collect();
    let answer = request.form(&fields).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{button}");
}

pub(crate) fn rows(state: &Value) -> &[Value] {
    state["instances"].as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn row(state: &Value, number: u64) -> &Value {
    let mut rows = rows(state).iter();
    rows.find(|row| row["number"] == number)
        .unwrap_or(&Value::Null)
}

pub(crate) fn all_ready(state: &Value) -> Option<()> {
    let ready = |row: &Value| row["phase"] == "ready";
    rows(state).iter().all(ready).then_some(())
}

/// Whether a process has ended; one that nobody has asked for its end yet has ended too.
pub(crate) fn has_ended(id: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.is_empty() || after_name.trim_start().starts_with('Z')
}
