//! The commands that look at a store.

use std::time::Duration;

use crate::farm::{CANARY, Farm, add_session, state_server};
use crate::process::run;

const IDLE: Duration = Duration::from_secs(1200);

#[test]
fn sessions_are_shown_by_fingerprint_and_dates_alone() {
    let farm = Farm::new();
    let store = farm.store();
    for number in 0..3 {
        add_session(&store, number, "ann", IDLE);
    }
    add_session(&store, 9, "bob", IDLE);
    let inspect = |place: &[&str], more: &[&str]| {
        let arguments = ["inspect", "--principal", "ann"];
        run(arguments.iter().chain(place).chain(more)).done()
    };
    let config = farm.config();
    let place = ["--config", config.as_str()];
    let shown = inspect(&place, &["--json"]);
    assert!(!shown.out.contains(CANARY));
    let sessions = shown.json()["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions[0]["created"], "2023-11-14T22:13:20Z");
    assert_eq!(sessions[0]["deadline"], "2027-01-15T08:00:00Z");
    assert_eq!(sessions[0]["revision"], 1);
    assert_eq!(sessions[0]["fingerprint"].as_str().unwrap().len(), 8);
    let shown = inspect(&place, &[]).out;
    assert!(
        shown.contains("3 sessions") && !shown.contains(CANARY),
        "{shown}"
    );
    let by_url = ["--url", farm.url.as_str(), "--app", "shop"];
    let sessions = inspect(&by_url, &["--json"]).json();
    assert!(sessions["sessions"][0]["fingerprint"].is_null());
    let told = run(["inspect", "--principal", "ann", "--url", &farm.url]).failed();
    assert!(told.contains("--app"), "{told}");
}

#[test]
fn the_store_is_asked_how_it_answers() {
    let farm = Farm::new();
    let asked = run(["stats", "--url", &farm.url, "--pings", "5", "--json"]);
    let asked = asked.done().json();
    assert_eq!(
        (&asked["store"], &asked["pings"]),
        (&"state-server".into(), &5.into())
    );
    assert_eq!(asked["role"], "primary");
    assert!(asked["latency_us"]["most"].as_u64() >= asked["latency_us"]["least"].as_u64());
    let config = farm.config();
    let shown = run(["stats", "--config", &config]).done().out;
    assert!(shown.contains("20 pings"), "{shown}");
}

#[test]
fn a_store_that_expires_by_itself_has_nothing_to_sweep() {
    let swept = run(["sweep", "--url", &state_server(), "--json"]).done();
    assert_eq!(swept.json()["removed"], 0);
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let told = run(["stats", "--url", "state-server://127.0.0.1:1"]).failed();
    assert!(told.contains("127.0.0.1:1"), "{told}");
    let told = run(["stats", "--url", "memory:"]).failed();
    assert!(told.contains("inside of the application"), "{told}");
    let told = run(["stats", "--url", "redis://:hunter2@127.0.0.1:1"]).failed();
    assert!(
        told.contains("127.0.0.1:1") && !told.contains("hunter2"),
        "{told}"
    );
    assert_eq!(run(["sweep"]).status, 2);
    let told = run(["sweep", "--config", "/nowhere/session.toml"]).failed();
    assert!(told.contains("/nowhere/session.toml"), "{told}");
}
