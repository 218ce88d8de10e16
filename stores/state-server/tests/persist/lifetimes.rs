//! What a restart does to lives, locks and leases.

use std::collections::HashSet;
use std::time::Duration;

use crate::client::{Client, create, key, load, plain, request};
use crate::daemon::Place;

fn with_ttl(target: &str, millis: u64) -> String {
    let headers = format!("If-None-Match: *\nSession-Ttl: {millis}");
    request("PUT", target, &headers, Some("a"))
}

/// Takes the lock and gives it back; its cookie.
fn lease(client: &mut Client, target: &str) -> u64 {
    let take = "Exclusive: acquire\nSession-Lease: 30000\nSession-Touch: no";
    let taken = client.ask(&request("GET", target, take, None)).unwrap();
    let cookie = taken.expect(200).number("LockCookie");
    let give = format!("Exclusive: release\nLockCookie: {cookie}\nSession-Touch: no");
    let given = client.ask(&request("GET", target, &give, None)).unwrap();
    given.expect(200);
    cookie
}

#[test]
fn time_without_the_server_counts() {
    let place = Place::new();
    for is_killed in [true, false] {
        let daemon = place.start(&[]);
        let mut client = daemon.client();
        let (short, long) = (key(1, u64::from(is_killed)), key(2, u64::from(is_killed)));
        client.ask(&with_ttl(&short, 700)).unwrap().expect(200);
        client.ask(&with_ttl(&long, 60_000)).unwrap().expect(200);
        if is_killed {
            daemon.kill();
        } else {
            assert!(daemon.stop().is_success);
        }
        std::thread::sleep(Duration::from_millis(800));
        let daemon = place.start(&[]);
        let mut client = daemon.client();
        client.ask(&load(&short)).unwrap().expect(404);
        let left = client.ask(&load(&long)).unwrap().expect(200);
        let left = left.number("Session-Left");
        assert!((40_000..=59_200).contains(&left), "{left}");
        // What had expired is free again.
        client.ask(&with_ttl(&short, 60_000)).unwrap().expect(200);
    }
}

#[test]
fn an_acknowledged_touch_survives() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let target = key(3, 1);
    client.ask(&with_ttl(&target, 2_000)).unwrap().expect(200);
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(600));
        client
            .ask(&request("HEAD", &target, "", None))
            .unwrap()
            .expect(200);
    }
    daemon.kill();
    std::thread::sleep(Duration::from_millis(700));
    let daemon = place.start(&[]);
    let found = daemon.client().ask(&load(&target)).unwrap();
    found.expect(200);
}

#[test]
fn small_touches_are_written_when_it_stops() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let target = key(4, 1);
    client.ask(&with_ttl(&target, 60_000)).unwrap().expect(200);
    let commits = daemon.metric("disk_commits_total");
    std::thread::sleep(Duration::from_millis(300));
    let touched = client
        .ask(&request("HEAD", &target, "", None))
        .unwrap()
        .expect(200);
    let end = touched.number("Session-Time") + touched.number("Session-Left");
    assert_eq!(daemon.metric("disk_commits_total"), commits);
    assert!(daemon.stop().is_success);
    let daemon = place.start(&[]);
    let found = daemon.client().ask(&load(&target)).unwrap().expect(200);
    let found = found.number("Session-Time") + found.number("Session-Left");
    assert!(found.abs_diff(end) < 100, "{found}, not {end}");
}

#[test]
fn lease_counters_never_fall() {
    let place = Place::new();
    let mut highest = 0;
    for (round, leases) in [1, 70, 3, 0, 200, 64, 65].into_iter().enumerate() {
        let durability = ["sync", "async"][round % 2];
        let daemon = place.start(&["--durability", durability]);
        let mut client = daemon.client();
        if round == 0 {
            client.ask(&create(&key(5, 1), "a")).unwrap().expect(200);
        }
        for _ in 0..leases {
            let cookie = lease(&mut client, &key(5, 1));
            assert!(cookie > highest, "{cookie} after {highest}");
            highest = cookie;
        }
        daemon.kill();
    }
}

/// A lock that goes from one to the next writes no less than one that is free.
#[test]
fn a_lease_that_is_handed_on_counts() {
    let place = Place::new();
    let daemon = place.start(&["--durability", "async"]);
    let target = key(6, 1);
    daemon
        .client()
        .ask(&create(&target, "a"))
        .unwrap()
        .expect(200);
    let take = "Exclusive: acquire\nSession-Lease: 30000\nSession-Wait: 10000\nSession-Touch: no";
    let take = request("GET", &target, take, None);
    let mut holder = daemon.client();
    let taken = holder.ask(&take).unwrap().expect(200);
    let mut highest = taken.number("LockCookie");
    for _ in 0..150 {
        let mut next = daemon.client();
        next.send(&take).unwrap();
        while daemon.metric("lock_waiters") == 0 {
            std::thread::yield_now();
        }
        let give = format!("Exclusive: release\nLockCookie: {highest}\nSession-Touch: no");
        let given = holder.ask(&request("GET", &target, &give, None)).unwrap();
        given.expect(200);
        let cookie = next.answer().unwrap().expect(200).number("LockCookie");
        assert!(cookie > highest);
        highest = cookie;
        holder = next;
    }
    daemon.kill();
    let daemon = place.start(&[]);
    let cookie = lease(&mut daemon.client(), &target);
    assert!(cookie > highest, "{cookie} after {highest}");
}

/// After the greatest counter comes 1, and no counter comes twice, whenever the crash is.
#[test]
fn counters_go_round() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let target = "/app/one";
    client
        .ask(&plain("PUT", target, "Timeout: 20", Some("a")))
        .unwrap()
        .expect(200);
    let near_the_end = format!("Timeout: 30\nLockCookie: {}", i32::MAX - 100);
    client
        .ask(&plain("PUT", target, &near_the_end, Some("a")))
        .unwrap()
        .expect(200);
    daemon.kill();
    let mut seen = HashSet::new();
    for _ in 0..6 {
        let daemon = place.start(&[]);
        let mut client = daemon.client();
        for _ in 0..20 {
            let cookie = lease(&mut client, target);
            assert!(seen.insert(cookie), "{cookie} came twice");
            assert!((1..=i32::MAX as u64).contains(&cookie));
        }
        daemon.kill();
    }
    assert!(seen.iter().any(|cookie| *cookie < 1_000));
}

#[test]
fn what_a_foreign_client_keeps_survives() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let (bare, full) = ("%2fapp%2fbare", "%2fapp%2ffull");
    let uninitialised = plain("PUT", bare, "Timeout: 7\nExtraFlags: 1", Some(""));
    client.ask(&uninitialised).unwrap().expect(200);
    client
        .ask(&plain("PUT", full, "Timeout: 9", Some("b")))
        .unwrap()
        .expect(200);
    daemon.kill();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let first = client
        .ask(&plain("GET", bare, "", None))
        .unwrap()
        .expect(200);
    assert_eq!(
        (first.header("ActionFlags"), first.header("Timeout")),
        (Some("1"), Some("7"))
    );
    let full = client
        .ask(&plain("GET", full, "", None))
        .unwrap()
        .expect(200);
    assert_eq!((full.text(), full.header("Timeout")), ("b", Some("9")));
    daemon.kill();
    let daemon = place.start(&[]);
    let second = daemon.client().ask(&plain("GET", bare, "", None)).unwrap();
    // The flag was not acknowledged as cleared to a writer, so it may still be there.
    second.expect(200);
}

#[test]
fn a_whole_record_survives() {
    let place = Place::new();
    let principal = format!("{:064x}", 99);
    let daemon = place.start(&[]);
    let headers = format!(
        "If-None-Match: *\nSession-Ttl: 60000\nSession-Deadline: 90000\n\
         Session-Principal: {principal}\nSession-Labels: bGFiZWxz"
    );
    let large = "x".repeat(100_000);
    let put = request("PUT", &key(7, 1), &headers, Some(&large));
    daemon.client().ask(&put).unwrap().expect(200);
    daemon.kill();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    let found = client.ask(&load(&key(7, 1))).unwrap().expect(200);
    assert_eq!(found.text(), large);
    assert_eq!(found.number("ETag"), 1);
    assert_eq!(found.number("Session-Ttl"), 60_000);
    assert_eq!(found.header("Session-Principal"), Some(&*principal));
    assert_eq!(found.header("Session-Labels"), Some("bGFiZWxz"));
    let listed = request("GET", &format!("/.session/principal/{principal}"), "", None);
    let listed = client.ask(&listed).unwrap().expect(200);
    assert_eq!(listed.text().lines().count(), 1);
    // The deadline is as near as it was: touching does not go beyond it.
    let touched = request(
        "PUT",
        &key(7, 1),
        "If-Match: \"1\"\nSession-Ttl: 200000",
        Some("y"),
    );
    let touched = client.ask(&touched).unwrap().expect(200);
    assert!(touched.number("Session-Left") <= 90_000);
}
