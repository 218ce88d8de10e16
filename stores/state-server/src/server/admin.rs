//! The admin port: health, metrics, and a page that shows them.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::listen::Server;
use super::persist::Journal;
use super::state::State;

const PAGE: &str = include_str!("admin/page.html");

/// The longest request of which notice is taken.
const MAX_REQUEST: u64 = 8 << 10;

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many exchanges may go on at once.
const MAX_EXCHANGES: usize = 64;

impl Server {
    /// Serves the admin port, for ever: `/health`, `/ready`, `/metrics` (Prometheus text) and
    /// `/`, a page for people.
    pub async fn admin(&self, listener: TcpListener) {
        let exchanges = Arc::new(tokio::sync::Semaphore::new(MAX_EXCHANGES));
        loop {
            let Ok(permit) = Arc::clone(&exchanges).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let state = Arc::clone(self.state());
                    tokio::spawn(async move {
                        // Nobody is there to be told of a failure.
                        let _ = tokio::time::timeout(PATIENCE, exchange(&state, stream)).await;
                        drop(permit);
                    });
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }
}

/// One request and its answer.
async fn exchange(state: &State, mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let (reader, mut writer) = stream.split();
    let mut reader = reader.take(MAX_REQUEST);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if reader.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let answer = answer(state, &request);
    writer.write_all(answer.as_bytes()).await?;
    writer.shutdown().await
}

fn answer(state: &State, request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next();
    let mut words = line.unwrap_or_default().split(|byte| *byte == b' ');
    let (verb, path) = (words.next(), words.next().unwrap_or_default());
    let (status, kind, body) = match (verb, path) {
        (Some(b"GET" | b"HEAD"), b"/") => ("200 OK", "text/html; charset=utf-8", PAGE.to_owned()),
        (Some(b"GET" | b"HEAD"), b"/health") => ("200 OK", TEXT, "ok\n".to_owned()),
        (Some(b"GET" | b"HEAD"), b"/ready") if state.is_draining() => {
            ("503 Service Unavailable", TEXT, "draining\n".to_owned())
        }
        (Some(b"GET" | b"HEAD"), b"/ready") if state.has_no_disk() => (
            "503 Service Unavailable",
            TEXT,
            "the disk fails\n".to_owned(),
        ),
        (Some(b"GET" | b"HEAD"), b"/ready") => ("200 OK", TEXT, "ready\n".to_owned()),
        (Some(b"GET" | b"HEAD"), b"/metrics") => ("200 OK", METRICS, metrics(state)),
        _ => ("404 Not Found", TEXT, "not found\n".to_owned()),
    };
    let length = body.len();
    let body = if verb == Some(b"HEAD") { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; connect-src 'self'\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// What the name of each metric begins with.
const PREFIX: &str = "session_state_server_";

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics as Prometheus reads them.
fn metrics(state: &State) -> String {
    let mut text = String::new();
    gauges(state, &mut text);
    if let Some(resident) = resident() {
        let name = "resident_bytes";
        metric(&mut text, name, "Memory that the process has.", "gauge");
        let _ = writeln!(text, "{PREFIX}{name} {resident}");
    }
    let total = state.metrics.connections_total.get();
    let name = "connections_total";
    metric(&mut text, name, "Connections since the start.", "counter");
    let _ = writeln!(text, "{PREFIX}{name} {total}");
    if let Some(progress) = state.journal().map(Journal::progress) {
        let (name, help) = ("disk_commits_total", "Transactions on the disk.");
        metric(&mut text, name, help, "counter");
        let _ = writeln!(text, "{PREFIX}{name} {}", progress.commits);
        let (name, help) = ("disk_changes_total", "Changes in these transactions.");
        metric(&mut text, name, help, "counter");
        let _ = writeln!(text, "{PREFIX}{name} {}", progress.committed);
    }
    let name = "responses_total";
    metric(&mut text, name, "Responses by status.", "counter");
    for (status, count) in state.metrics.responses() {
        let code = status.code();
        let _ = writeln!(text, "{PREFIX}{name}{{status=\"{code}\"}} {count}");
    }
    let name = "refusals_total";
    metric(&mut text, name, "Refusals by reason.", "counter");
    for (refusal, count) in state.metrics.refusals() {
        let label = refusal.label();
        let _ = writeln!(text, "{PREFIX}{name}{{reason=\"{label}\"}} {count}");
    }
    text
}

fn gauges(state: &State, text: &mut String) {
    let (budget, metrics, limits) = (&state.budget, &state.metrics, &state.limits);
    let mut gauge = |name, help, value: u64| {
        metric(text, name, help, "gauge");
        let _ = writeln!(text, "{PREFIX}{name} {value}");
    };
    let items = "Items, with those that have expired and were not taken back yet.";
    gauge("items", items, budget.items() as u64);
    let tombstones = budget.tombstones() as u64;
    gauge("tombstones", "Tombstones of ended sessions.", tombstones);
    let bytes = budget.bytes() as u64;
    gauge("memory_bytes", "Memory that counts against the cap.", bytes);
    gauge(
        "memory_max_bytes",
        "The cap on memory.",
        budget.max() as u64,
    );
    gauge(
        "connections",
        "Open connections.",
        metrics.connections.get(),
    );
    let max = limits.max_connections as u64;
    gauge("connections_max", "The cap on connections.", max);
    let waiters = metrics.waiters.get();
    gauge("lock_waiters", "Requests that wait for a lock.", waiters);
    if let Some(journal) = state.journal() {
        let unwritten = journal.unwritten();
        let help = "Changes that are not on the disk yet.";
        gauge("unwritten_changes", help, unwritten);
        let help = "1 while the disk fails and writes are refused.";
        gauge("disk_failed", help, u64::from(journal.is_failed()));
    }
    let draining = u64::from(state.is_draining());
    gauge("draining", "1 while the server drains.", draining);
}

/// The memory that the process has, in bytes, where the system tells.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The lines that introduce a metric. Writing to a string does not fail.
fn metric(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {PREFIX}{name} {help}");
    let _ = writeln!(text, "# TYPE {PREFIX}{name} {kind}");
}
