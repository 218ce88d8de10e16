//! The fleet's row, and the way out when the wrong instance claimed it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use session_core::{Engine, FleetRow, KeyRing, SessionConfig, fleet_row};

use crate::farm::{Farm, runtime, state_server};
use crate::process::{Run, run};

fn fleet(farm: &Farm, verb: &str, more: &[&str]) -> Run {
    let config = farm.config();
    let before = ["fleet", verb, "--config", &config];
    run(before.iter().chain(more))
}

/// The exit status, and what the ring is to the fleet.
fn standing(farm: &Farm) -> (i32, Value) {
    let run = fleet(farm, "show", &["--json"]);
    (run.status, run.json()["standing"].clone())
}

/// Whether an instance of the farm starts, which claims the fleet if nobody has.
fn starts(farm: &Farm) -> bool {
    let config = SessionConfig::builder("shop")
        .instance("web1")
        .build()
        .unwrap();
    let ring = KeyRing::open(farm.ring()).unwrap();
    let store = farm.store();
    let _entered = runtime().enter();
    let engine = Engine::new(config, ring, store).unwrap();
    runtime().block_on(engine.ready()).is_ok()
}

#[test]
fn c44_the_right_ring_is_adopted_where_a_wrong_one_came_first() {
    let url = state_server();
    let (wrong, right) = (Farm::over(&url, ""), Farm::over(&url, ""));
    assert_eq!(standing(&right), (0, "unclaimed".into()));
    assert!(starts(&wrong) && !starts(&right));
    assert_eq!(standing(&wrong), (0, "in step".into()));
    assert_eq!(standing(&right), (3, "drift".into()));
    let told = fleet(&right, "show", &[]).out;
    assert!(
        told.contains("fleet adopt") && told.contains("written by web1"),
        "{told}"
    );
    let told = fleet(&right, "adopt", &[]).failed();
    assert!(told.contains("--yes"), "{told}");
    assert_eq!(standing(&right).0, 3);
    fleet(&right, "adopt", &["--yes"]).done();
    assert_eq!(standing(&right), (0, "in step".into()));
    assert!(starts(&right) && !starts(&wrong));
    let again = fleet(&right, "adopt", &["--yes", "--json"]).done().json();
    assert_eq!(again["adopted"], false);
}

#[test]
fn s25_an_older_ring_of_the_same_farm_is_not_adopted() {
    let farm = Farm::new();
    let older = std::fs::read(farm.ring()).unwrap();
    run(["key", "rotate", &farm.ring()]).done();
    assert!(starts(&farm));
    std::fs::write(farm.ring(), older).unwrap();
    assert_eq!(standing(&farm), (3, "behind".into()));
    let told = fleet(&farm, "adopt", &["--yes"]).failed();
    assert!(told.contains("older") && told.contains("epoch 2"), "{told}");
}

#[test]
fn c44_a_row_that_is_taken_back_belongs_to_whoever_comes_next() {
    let url = state_server();
    let (wrong, right) = (Farm::over(&url, ""), Farm::over(&url, ""));
    let reset = fleet(&right, "reset", &["--yes", "--json"]).done().json();
    assert_eq!(reset["reset"], false);
    assert!(starts(&wrong));
    fleet(&right, "reset", &["--yes"]).done();
    assert_eq!(standing(&right), (0, "unclaimed".into()));
    assert!(starts(&right) && !starts(&wrong));
}

#[test]
fn an_unreadable_row_is_told_and_taken_back() {
    let farm = Farm::new();
    let writing = farm.store().meta_compare_and_set(
        fleet_row("shop"),
        None,
        Bytes::from_static(b"\x1b[31mjunk"),
    );
    runtime().block_on(writing).unwrap();
    assert_eq!(standing(&farm), (3, "unreadable".into()));
    fleet(&farm, "reset", &["--yes"]).done();
    assert_eq!(standing(&farm), (0, "unclaimed".into()));
    assert!(starts(&farm));
    let row = Arc::clone(&farm.store()).meta_get(fleet_row("shop"));
    let row = runtime().block_on(row).unwrap().unwrap();
    assert!(FleetRow::parse(&row.value).is_ok());
}

#[test]
fn instances_show_what_they_said_last() {
    let farm = Farm::new();
    assert!(starts(&farm));
    let shown = fleet(&farm, "show", &["--instance", "web2", "--json"])
        .done()
        .json();
    assert_eq!(shown["app"], "shop");
    assert_eq!(shown["row"]["epoch"], 1);
    let instances = shown["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 2);
    assert_eq!(instances[0]["said"]["sealing"], shown["row"]["sealing"]);
    assert!(instances[1]["said"].is_null());
    let told = fleet(&farm, "show", &["--instance", "web2"]).done().out;
    assert!(told.contains("instance web2: has said nothing"), "{told}");
}
