//! The end of the daemon.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::client::{Client, connect, get, put};
use crate::process::{Daemon, until};

#[test]
fn without_connections_it_ends_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start(&[]);
        daemon.client().ask(&get("/a", "")).expect(404);
        until(|| (daemon.metric("connections") == 0).then_some(())).unwrap();
        let start = Instant::now();
        daemon.signal(signal);
        assert!(daemon.ended(Duration::from_secs(10)).success());
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
    }
}

#[test]
fn open_connections_are_told_and_nobody_else_comes_in() {
    let mut daemon = Daemon::start(&["--drain-timeout", "20s"]);
    let mut client = daemon.client();
    client.ask(&put("/a", "", "body")).expect(200);
    client.ask(&get("/a", "Exclusive: acquire\r\n")).expect(200);
    let acquire = "Session-Protocol: 1\r\nExclusive: acquire\r\nSession-Wait: 60000\r\n";
    let mut waiter = daemon.client();
    waiter.send(get("/a", acquire));
    until(|| (daemon.metric("lock_waiters") == 1).then_some(())).unwrap();
    let _idle = daemon.client();
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    let answer = waiter.answer().expect(503);
    assert_eq!(answer.header("Session-Reason"), Some("draining"));
    let extended = "Session-Protocol: 1\r\n";
    let answer = client.ask(&get("/a", extended)).expect(503);
    assert_eq!(answer.header("Session-Reason"), Some("draining"));
    client.ask(&put("/b", "", &"x".repeat(100_000))).expect(503);
    assert!(until(|| connect(&daemon.places[0]).is_err().then_some(())).is_some());
    assert!(daemon.ask_admin("/ready").starts_with("HTTP/1.1 503 "));
    assert!(daemon.ask_admin("/health").starts_with("HTTP/1.1 200 "));
    // Idle connections do not hold it up to the last moment.
    assert!(daemon.ended(Duration::from_secs(10)).success());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(client.is_closed());
}

#[test]
fn a_request_that_does_not_end_is_cut_off_in_time() {
    let mut daemon = Daemon::start(&["--drain-timeout", "1s", "--frame-timeout", "1h"]);
    let mut client = daemon.client();
    client.send("PUT /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\nx");
    until(|| (daemon.metric("connections") == 1).then_some(())).unwrap();
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    assert!(daemon.ended(Duration::from_secs(10)).success());
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    daemon.logs("did not end in time");
}

/// A body that was on its way when the drain began is stored.
#[test]
fn what_was_accepted_is_finished() {
    let mut daemon = Daemon::start(&[]);
    let mut client = daemon.client();
    let request = put("/a", "", &"x".repeat(100_000));
    client.send(&request[..50_000]);
    until(|| (daemon.metric("memory_bytes") > 100_000).then_some(())).unwrap();
    daemon.signal(Signal::TERM);
    daemon.logs("draining");
    std::thread::sleep(Duration::from_millis(100));
    client.send(&request[50_000..]);
    client.answer().expect(200);
    assert!(daemon.ended(Duration::from_secs(10)).success());
}

#[test]
fn a_busy_client_does_not_hold_it_up() {
    let mut daemon = Daemon::start(&["--drain-timeout", "10s"]);
    let place = daemon.places[0].clone();
    let mut client = Client::to(&place);
    client.ask(&get("/a", "")).expect(404);
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    let busy = std::thread::spawn(move || {
        let mut refused = 0;
        while start.elapsed() < Duration::from_secs(30) {
            client.send_if_open(&get("/a", ""));
            match client.next() {
                None => break,
                Some(answer) => refused += u32::from(answer.status == 503),
            }
        }
        refused
    });
    assert!(daemon.ended(Duration::from_secs(20)).success());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(busy.join().unwrap() > 0);
}
