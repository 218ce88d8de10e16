//! Floods: each is refused with its status, is counted, and does not get at the others.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::client::{Client, get, put};
use crate::process::{Daemon, until};

const MIB: usize = 1 << 20;

/// The cap on memory in these tests, and what the process may take then.
pub(crate) const CAP: (&str, usize) = ("64MiB", 80 * MIB);

/// Each test has its thousands of connections in this process as well.
pub(crate) fn raise_descriptors() {
    const WANTED: u64 = 12_000;
    let now = getrlimit(Resource::Nofile);
    assert!(
        now.maximum.is_none_or(|maximum| maximum >= WANTED),
        "this test needs {WANTED} open files; raise the limit with `ulimit -n`"
    );
    let limit = Rlimit {
        current: Some(now.current.map_or(WANTED, |current| current.max(WANTED))),
        maximum: now.maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[track_caller]
pub(crate) fn assert_resident(daemon: &Daemon, what: &str) {
    let resident = daemon.resident();
    let counted = daemon.metric("memory_bytes") >> 10;
    let shown = format!(
        "{what}: {} KiB resident, {counted} KiB counted",
        resident >> 10
    );
    assert!(resident <= CAP.1, "{shown}");
}

fn refusals(daemon: &Daemon, reason: &str) -> u64 {
    daemon.metric(&format!("refusals_total{{reason=\"{reason}\"}}"))
}

#[test]
fn slow_requests_of_two_thousand_connections() {
    raise_descriptors();
    let flags = ["--max-memory", CAP.0, "--frame-timeout", "20s"];
    let daemon = Daemon::start(&flags);
    let mut honest = daemon.client();
    honest.ask(&put("/a", "", "body")).expect(200);
    let head = format!("GET /a HTTP/1.1\r\nX: {}", "x".repeat(12_000));
    let mut slow: Vec<Client> = (0..2_000).map(|_| daemon.client()).collect();
    for client in &mut slow {
        client.send(&head);
    }
    // All have been read, and none is over.
    let memory = || daemon.metric("memory_bytes") > 2_000 * 12_000;
    until(|| memory().then_some(())).unwrap();
    assert_eq!(daemon.metric("connections"), 2_001);
    honest.ask(&get("/a", "")).expect(200);
    daemon.client().ask(&put("/b", "", "body")).expect(200);
    assert_resident(&daemon, "2,000 slow heads");
    for client in &mut slow {
        client.answer().expect(408);
        assert!(client.is_closed());
    }
    assert_eq!(refusals(&daemon, "slow"), 2_000);
    until(|| (daemon.metric("connections") == 1).then_some(())).unwrap();
    // Their memory is given back.
    assert!(daemon.metric("memory_bytes") < 10_000);
}

#[test]
fn a_gibibyte_is_declared() {
    let daemon = Daemon::start(&["--max-memory", CAP.0]);
    let mut clients: Vec<Client> = (0..100).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.send("PUT /a HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\nx");
    }
    for client in &mut clients {
        client.answer().expect(413);
        assert!(client.is_closed());
    }
    assert_eq!(refusals(&daemon, "item"), 100);
    // What is allowed, but more than there is room for, is refused as well.
    let mut client = daemon.client();
    client.send("PUT /b HTTP/1.1\r\nContent-Length: 33554432\r\n\r\nx");
    until(|| (daemon.metric("memory_bytes") > 32 << 20).then_some(())).unwrap();
    let mut second = daemon.client();
    second.send("PUT /b HTTP/1.1\r\nContent-Length: 33554432\r\n\r\nx");
    second.answer().expect(507);
    assert_resident(&daemon, "large bodies that do not come");
    daemon.client().ask(&put("/c", "", "body")).expect(200);
}

#[test]
fn ten_thousand_wait_for_one_lock() {
    raise_descriptors();
    const COUNT: usize = 10_000;
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("socket");
    let socket = socket.to_str().unwrap();
    let daemon = Daemon::start(&[
        "--listen",
        "none",
        "--listen-unix",
        socket,
        "--max-memory",
        CAP.0,
        "--max-connections",
        "10002",
        "--max-waiters-per-key",
        "10000",
    ]);
    let target = format!("/s/{}", "01".repeat(32));
    let mut holder = daemon.client();
    holder.ask(&put(&target, "", "body")).expect(200);
    let ours = "Session-Protocol: 1\r\nExclusive: acquire\r\nSession-Lease: 600000\r\n";
    let granted = holder.ask(&get(&target, ours)).expect(200);
    let acquire = get(&target, &format!("{ours}Session-Wait: 600000\r\n"));
    let mut waiting: Vec<Client> = (0..COUNT).map(|_| daemon.client()).collect();
    let count = || daemon.metric("lock_waiters");
    waiting[0].send(&acquire);
    until(|| (count() == 1).then_some(())).unwrap();
    for client in &mut waiting[1..] {
        client.send(&acquire);
    }
    until(|| (count() == COUNT as u64).then_some(())).unwrap_or_else(|| panic!("{}", count()));
    assert_resident(&daemon, "10,000 waiters");
    daemon.client().ask(&acquire).expect(429);
    assert_eq!(refusals(&daemon, "waiters"), 1);
    // Readers do not wait, and the first in the queue is the next.
    daemon
        .client()
        .ask(&get(&target, "Session-Protocol: 1\r\n"))
        .expect(200);
    let cookie = granted.header("LockCookie").unwrap();
    let release = format!("Session-Protocol: 1\r\nExclusive: release\r\nLockCookie: {cookie}\r\n");
    holder.ask(&get(&target, &release)).expect(200);
    waiting[0].answer().expect(200);
    let delete = format!("DELETE {target} HTTP/1.1\r\nSession-Protocol: 1\r\n\r\n");
    holder.ask(&delete).expect(200);
    for client in &mut waiting[1..] {
        client.answer().expect(410);
    }
    assert_eq!(daemon.metric("lock_waiters"), 0);
}

#[test]
fn connections_beyond_the_cap() {
    let daemon = Daemon::start(&["--max-connections", "10"]);
    let mut served: Vec<Client> = (0..10).map(|_| daemon.client()).collect();
    for client in &mut served {
        client.ask(&get("/a", "")).expect(404);
    }
    let mut turned_away: Vec<Client> = (0..500).map(|_| daemon.client()).collect();
    let answered = turned_away.iter_mut().filter_map(Client::next);
    let answered: Vec<_> = answered.map(|answer| answer.expect(429)).collect();
    assert!(answered.len() >= 100, "{}", answered.len());
    assert_eq!(refusals(&daemon, "connections"), 500);
    for client in &mut served {
        client.ask(&get("/a", "")).expect(404);
    }
}

#[test]
fn each_cap_on_a_head_is_counted() {
    let daemon = Daemon::start(&[
        "--max-head",
        "1KiB",
        "--max-target",
        "128",
        "--max-headers",
        "3",
        "--max-item",
        "1KiB",
    ]);
    let long = format!("X: {}\r\n", "x".repeat(1024));
    for (request, status, reason) in [
        (get("/a", &long), 400, "head"),
        (get(&format!("/{}", "a".repeat(128)), ""), 400, "target"),
        (get("/a", &"X: x\r\n".repeat(4)), 400, "headers"),
        ("junk\r\n\r\n".to_owned(), 400, "request"),
        (put("/a", "", &"x".repeat(1025)), 413, "item"),
    ] {
        let mut client = daemon.client();
        client.ask(&request).expect(status);
        assert!(client.is_closed(), "{reason}");
        assert_eq!(refusals(&daemon, reason), 1, "{reason}");
    }
    daemon
        .client()
        .ask(&get(&format!("/{}", "a".repeat(127)), ""))
        .expect(404);
    daemon
        .client()
        .ask(&get("/a", &"X: x\r\n".repeat(3)))
        .expect(404);
    daemon
        .client()
        .ask(&put("/a", "", &"x".repeat(1024)))
        .expect(200);
}

/// Who is to show a token may not keep a connection without doing so.
#[test]
fn strangers_that_say_nothing_are_sent_away() {
    let folder = TempDir::new().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "secret\n").unwrap();
    let daemon = Daemon::start(&[
        "--token-file",
        token.to_str().unwrap(),
        "--frame-timeout",
        "300ms",
    ]);
    let mut stranger = daemon.client();
    let mut known = daemon.client();
    known
        .ask(&get("/a", "Authorization: Bearer secret\r\n"))
        .expect(404);
    stranger.answer().expect(408);
    assert!(stranger.is_closed());
    std::thread::sleep(Duration::from_millis(400));
    known.ask(&get("/a", "")).expect(404);
}
