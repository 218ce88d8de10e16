//! What the doctor finds.

use std::fs;

use serde_json::Value;

use crate::farm::{Farm, state_server};
use crate::process::{Run, run};

fn doctor(farm: &Farm) -> (i32, Value) {
    let run = run(["doctor", "--config", &farm.config(), "--json"]);
    let found = run.json();
    let status = ["ok", "warning", "broken"][usize::try_from(run.status).unwrap()];
    assert_eq!(found["status"], status);
    (run.status, found)
}

/// The level and message of the worst finding of a check.
fn finding(found: &Value, check: &str) -> (String, String) {
    let findings = found["findings"].as_array().unwrap().iter();
    let mut of_check: Vec<_> = findings
        .filter(|finding| finding["check"] == check)
        .collect();
    of_check.sort_by_key(|finding| finding["level"] == "ok");
    let text = |name: &str| of_check[0][name].as_str().unwrap().to_owned();
    (text("level"), text("message"))
}

#[test]
fn a_farm_in_order_is_green() {
    let farm = Farm::new();
    let (status, found) = doctor(&farm);
    assert_eq!(status, 0, "{found}");
    for check in [
        "configuration",
        "ring",
        "rotation",
        "cookie",
        "store",
        "clock",
        "fleet",
    ] {
        assert_eq!(finding(&found, check).0, "ok", "{check}");
    }
    assert!(finding(&found, "ring").1.contains("mode 0600"));
    let Run { status, out, err } = run(["doctor", "--config", &farm.config()]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.lines().all(|line| line.starts_with("ok ")), "{out}");
    run(["key", "rotate", &farm.ring()]).done();
    let (_, found) = doctor(&farm);
    assert!(
        finding(&found, "rotation").1.contains("seals in 59m"),
        "{found}"
    );
}

#[test]
fn what_protects_less_is_a_warning() {
    let farm = Farm::new();
    farm.configure("[session.cookie]\nname = \"session\"\ninsecure_allow_http = true");
    let (status, found) = doctor(&farm);
    assert_eq!(status, 1, "{found}");
    assert_eq!(finding(&found, "cookie").0, "warning");
    let (status, found) = doctor(&Farm::over("memory:", ""));
    assert_eq!(
        (status, finding(&found, "store").0.as_str()),
        (1, "warning")
    );
    farm.configure("[session.cookie]\nsame_site = \"none\"");
    assert!(
        finding(&doctor(&farm).1, "cookie")
            .1
            .contains("SameSite=None")
    );
    farm.configure("transport = \"header\"");
    assert_eq!(doctor(&farm).0, 0);
}

#[test]
fn c46_a_ring_that_cannot_be_used_is_broken() {
    use std::os::unix::fs::PermissionsExt as _;
    let farm = Farm::new();
    fs::set_permissions(farm.ring(), fs::Permissions::from_mode(0o644)).unwrap();
    let (status, found) = doctor(&farm);
    assert_eq!(status, 2);
    assert!(finding(&found, "ring").1.contains("chmod"), "{found}");
    assert_eq!(finding(&found, "store").0, "ok");
    // The configuration says that one may be created; looking is not starting.
    fs::remove_file(farm.ring()).unwrap();
    assert_eq!(doctor(&farm).0, 2);
    assert!(!fs::exists(farm.ring()).unwrap());
}

#[test]
fn a_ring_that_ends_before_its_sessions_is_broken() {
    let farm = Farm::new();
    farm.configure("absolute_timeout = \"100d\"");
    let (status, found) = doctor(&farm);
    assert_eq!(status, 2);
    assert!(
        finding(&found, "ring").1.contains("absolute_timeout"),
        "{found}"
    );
}

#[test]
fn a_store_that_is_away_is_broken() {
    let farm = Farm::over("state-server://127.0.0.1:1", "");
    let (status, found) = doctor(&farm);
    assert_eq!(status, 2);
    assert!(
        finding(&found, "store").1.contains("127.0.0.1:1"),
        "{found}"
    );
}

#[test]
fn c44_a_ring_that_is_not_the_fleets_is_broken() {
    let url = state_server();
    let (first, second) = (Farm::over(&url, ""), Farm::over(&url, ""));
    run(["fleet", "adopt", "--yes", "--config", &first.config()]).done();
    assert_eq!(doctor(&first).0, 0);
    let (status, found) = doctor(&second);
    assert_eq!(status, 2);
    assert!(
        finding(&found, "fleet").1.contains("fleet adopt"),
        "{found}"
    );
}

#[test]
fn every_mistake_in_a_configuration_is_a_line() {
    let farm = Farm::new();
    farm.configure("idle_timeout = \"x\"\nunknown = 1");
    let (status, found) = doctor(&farm);
    assert_eq!(status, 2);
    assert_eq!(found["findings"].as_array().unwrap().len(), 2, "{found}");
}

#[cfg(feature = "postgres")]
#[test]
fn missing_tables_are_broken_until_they_are_made() {
    use crate::postgres::{Server, shared};
    let url = format!(
        "{}&schema=farm&table={}",
        shared().url(),
        Server::fresh_table()
    );
    let farm = Farm::over(&url, "");
    let (status, found) = doctor(&farm);
    assert_eq!(status, 2);
    assert!(
        finding(&found, "tables").1.contains("sql install"),
        "{found}"
    );
    run(["sql", "install", "--config", &farm.config()]).done();
    let (status, found) = doctor(&farm);
    assert_eq!(
        (status, finding(&found, "tables").0.as_str()),
        (0, "ok"),
        "{found}"
    );
}
