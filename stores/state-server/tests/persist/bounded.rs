//! With `async` a crash costs what was written in the last moments, and no end of a session.

use std::time::{Duration, Instant};

use crate::client::{create, delete, key, load, rename, request, save};
use crate::daemon::{Place, eventually};

const ASYNC: &[&str] = &["--durability", "async"];

/// What the documentation promises, and some time for a slow machine.
const BOUND: Duration = Duration::from_millis(1_500);

#[test]
fn a_crash_costs_moments() {
    let place = Place::new();
    let daemon = place.start(ASYNC);
    let mut client = daemon.client();
    let target = key(1, 1);
    client.ask(&create(&target, "0")).unwrap().expect(200);
    let began = Instant::now();
    let mut acknowledged = Vec::new();
    let mut value = 0;
    while began.elapsed() < BOUND * 2 {
        value += 1;
        let saved = client
            .ask(&save(&target, value, &value.to_string()))
            .unwrap();
        saved.expect(200);
        acknowledged.push((Instant::now(), value));
    }
    let killed = Instant::now();
    daemon.kill();
    let old = acknowledged
        .iter()
        .rev()
        .find(|(at, _)| killed - *at > BOUND);
    let (_, least) = old.expect("some were old enough");
    let daemon = place.start(ASYNC);
    let found = daemon.client().ask(&load(&target)).unwrap().expect(200);
    let found: u64 = found.text().parse().unwrap();
    assert!(
        (*least..=value).contains(&found),
        "{found}, not {least} to {value}"
    );
}

#[test]
fn ends_survive() {
    let place = Place::new();
    let principal = format!("{:064x}", 7);
    for round in 0..10 {
        let daemon = place.start(ASYNC);
        let mut client = daemon.client();
        let session = |number: u64| key(2, round * 10 + number);
        for number in 0..4 {
            client
                .ask(&create(&session(number), "a"))
                .unwrap()
                .expect(200);
        }
        let listed =
            format!("If-None-Match: *\nSession-Ttl: 600000\nSession-Principal: {principal}");
        let listed = request("PUT", &session(4), &listed, Some("a"));
        client.ask(&listed).unwrap().expect(200);
        // Long enough that they are on the disk, and would come back.
        eventually("written", || daemon.metric("unwritten_changes") == 0);
        client.ask(&delete(&session(1))).unwrap().expect(200);
        let moved = rename(&session(2), &session(5), 1, "b");
        client.ask(&moved).unwrap().expect(200);
        let all = format!("/.session/principal/{principal}");
        let all = client.ask(&delete(&all)).unwrap().expect(200);
        assert_eq!(all.number("Session-Count"), 1);
        daemon.kill();
        let daemon = place.start(ASYNC);
        let mut client = daemon.client();
        let mut ended = |number| {
            let answer = client.ask(&load(&session(number))).unwrap();
            answer.header("Session-Ended").map(str::to_owned)
        };
        assert_eq!(ended(0), None);
        assert_eq!(ended(1).as_deref(), Some("destroyed"));
        assert_eq!(ended(2).as_deref(), Some("renewed"));
        assert_eq!(ended(4).as_deref(), Some("revoked"));
        let renewed = client.ask(&load(&session(5))).unwrap().expect(200);
        assert_eq!(renewed.text(), "b");
    }
}

#[test]
fn a_control_row_survives() {
    let place = Place::new();
    for revision in 1..5_u64 {
        let daemon = place.start(ASYNC);
        let mut client = daemon.client();
        let condition = match revision {
            1 => "If-None-Match: *".to_owned(),
            _ => format!("If-Match: \"{}\"", revision - 1),
        };
        let row = request("PUT", "/.session/control/ring", &condition, Some("x"));
        let row = client.ask(&row).unwrap().expect(200);
        assert_eq!(row.number("ETag"), revision);
        daemon.kill();
    }
}

#[test]
fn what_is_not_written_can_be_seen() {
    let place = Place::new();
    let daemon = place.start(ASYNC);
    let mut client = daemon.client();
    for number in 0..100 {
        client
            .ask(&create(&key(3, number), "a"))
            .unwrap()
            .expect(200);
    }
    eventually("written", || daemon.metric("unwritten_changes") == 0);
    assert_eq!(daemon.metric("disk_changes_total"), 100);
    assert!((1..100).contains(&daemon.metric("disk_commits_total")));
    assert_eq!(daemon.metric("disk_failed"), 0);
}
