//! A disk that fails: nothing is acknowledged that was not written, and reading goes on.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::client::{Client, create, delete, key, load, request, save};
use crate::daemon::{Daemon, Place, eventually};

/// A file may have so many half KiB: 1 MiB.
const LIMIT: u32 = 2_048;

/// Fills the disk; how many sessions were acknowledged. The first that was not is the next one.
fn fill(client: &mut Client) -> u64 {
    for number in 0..1_000 {
        let answer = client
            .ask(&create(&key(1, number), &"x".repeat(20_000)))
            .unwrap();
        match answer.status {
            // With `async` it takes a moment until the disk is tried.
            200 => std::thread::sleep(Duration::from_millis(2)),
            503 => {
                assert_eq!(
                    answer.header("Session-Reason"),
                    Some("the server's disk fails")
                );
                return number;
            }
            _ => panic!("{answer:?}"),
        }
    }
    panic!("the disk is not full");
}

fn lift_limit(daemon: &Daemon) {
    let limit = Rlimit {
        current: None,
        maximum: None,
    };
    prlimit(Some(daemon.pid()), Resource::Fsize, limit).unwrap();
}

#[test]
fn what_is_refused_and_what_is_not() {
    let place = Place::new();
    let daemon = place.start_limited(LIMIT, &[]);
    let mut client = daemon.client();
    let written = fill(&mut client);
    assert!(written > 5);
    assert_eq!(daemon.metric("disk_failed"), 1);
    assert!(daemon.admin_page("/ready").starts_with("HTTP/1.1 503"));
    // Reading goes on, but not of what might not last.
    client.ask(&load(&key(1, 0))).unwrap().expect(200);
    client.ask(&load(&key(1, written))).unwrap().expect(503);
    // Writes are refused before they change anything.
    client
        .ask(&save(&key(1, 0), 1, "changed"))
        .unwrap()
        .expect(503);
    let row = request("PUT", "/.session/control/a", "If-None-Match: *", Some("x"));
    client.ask(&row).unwrap().expect(503);
    let unchanged = client.ask(&load(&key(1, 0))).unwrap().expect(200);
    assert_eq!(unchanged.number("ETag"), 1);
    // In a pipeline each gets its own answer.
    let two = [load(&key(1, 0)), load(&key(1, written)), load(&key(1, 1))].concat();
    client.send(two).unwrap();
    client.answer().unwrap().expect(200);
    client.answer().unwrap().expect(503);
    assert_eq!(client.answer().unwrap().expect(200).body.len(), 20_000);
    daemon.kill();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    for number in 0..written {
        client.ask(&load(&key(1, number))).unwrap().expect(200);
    }
}

#[test]
fn a_disk_that_comes_back() {
    for durability in ["sync", "async"] {
        let place = Place::new();
        let daemon = place.start_limited(LIMIT, &["--durability", durability]);
        let mut client = daemon.client();
        let written = fill(&mut client);
        // The session is over for everybody, and nobody is told yet that this will last.
        client.ask(&delete(&key(1, 0))).unwrap().expect(503);
        client.ask(&load(&key(1, 0))).unwrap().expect(503);
        lift_limit(&daemon);
        eventually("written", || daemon.metric("disk_failed") == 0);
        assert!(daemon.admin_page("/ready").starts_with("HTTP/1.1 200"));
        client.ask(&load(&key(1, 0))).unwrap().expect(410);
        client
            .ask(&save(&key(1, 1), 1, "changed"))
            .unwrap()
            .expect(200);
        assert!(daemon.log().contains("writing succeeds again"));
        eventually("written", || daemon.metric("unwritten_changes") == 0);
        daemon.kill();
        let daemon = place.start(&[]);
        let mut client = daemon.client();
        client.ask(&load(&key(1, 0))).unwrap().expect(410);
        assert_eq!(
            client.ask(&load(&key(1, 1))).unwrap().expect(200).text(),
            "changed"
        );
        for number in 2..written {
            client.ask(&load(&key(1, number))).unwrap().expect(200);
        }
    }
}

/// What is still in memory cannot be saved: whoever looks at the exit code knows.
#[test]
fn stopping_with_a_full_disk() {
    let place = Place::new();
    let daemon = place.start_limited(LIMIT, &[]);
    let mut client = daemon.client();
    fill(&mut client);
    drop(client);
    let ended = daemon.stop();
    assert!(!ended.is_success, "{}", ended.log);
    assert!(ended.log.contains("cannot write"), "{}", ended.log);
}
