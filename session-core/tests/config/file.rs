//! Files as they are written, and what is never printed.

use std::error::Error;
use std::time::Duration;

use session_core::{ConfigFile, Environment, StoreConfig};

const DOCUMENTED: &str = r#"
[session]
app = "shop"
idle_timeout = "20m"
absolute_timeout = "12h"

[session.cookie]
name = "__Host-session"

[store]
url = "redis://127.0.0.1:6379/0"
pool = { size = 8 }
"key.prefix" = "shop"

[session.lock]
lease = "30s"
wait = "5s"

[machine_key]
ring = "/etc/shop/machine-key.toml"
"#;

fn parse(text: &str, environment: &[(&str, &str)]) -> ConfigFile {
    let environment = environment.iter().copied().collect();
    ConfigFile::parse(text, "session.toml", &environment).expect("a valid configuration")
}

#[test]
fn the_documented_file_is_the_default() {
    let documented = parse(DOCUMENTED, &[]).session;
    let default = session_core::SessionConfig::builder("shop").build();
    let default = default.expect("the defaults");
    assert_eq!(documented.idle_timeout(), default.idle_timeout());
    assert_eq!(documented.absolute_timeout(), default.absolute_timeout());
    assert_eq!(documented.lock_lease(), Duration::from_secs(30));
    assert_eq!(documented.lock_wait(), Duration::from_secs(5));
    assert_eq!(documented.connect_timeout(), Duration::from_secs(1));
    assert_eq!(documented.operation_timeout(), Duration::from_secs(2));
    assert_eq!(documented.commit_timeout(), Duration::from_secs(3));
    assert_eq!(documented.max_payload(), 1_048_576);
    let cookie = documented.transports().cookie().expect("a cookie");
    assert_eq!(cookie.name(), "__Host-session");
    assert!(documented.transports().header().is_none());
}

#[test]
fn s22_only_the_chosen_transport_is_there() {
    let text = "session.app = \"shop\"\nsession.transport = \"header\"\nstore.url = \"memory:\"";
    let config = parse(text, &[]);
    assert!(config.session.transports().cookie().is_none());
    assert!(config.session.transports().header().is_some());
}

#[test]
fn the_environment_replaces_the_file() {
    let config = parse(
        DOCUMENTED,
        &[
            ("SESSION__IDLE_TIMEOUT", "1h"),
            ("SESSION__COOKIE__NAME", "__Host-other"),
            ("STORE__POOL__SIZE", "9"),
            ("UNRELATED", "x"),
            ("SESSION_MACHINE_KEY", "sk1_not_ours"),
            ("SESSIONS__X", "x"),
        ],
    );
    assert_eq!(config.session.idle_timeout(), Duration::from_secs(3_600));
    let options = config.store.options();
    assert_eq!(options["pool"]["size"].as_str(), Some("9"));
    assert_eq!(options["key.prefix"].as_str(), Some("shop"));
}

#[test]
fn sizes_are_bytes_or_text() {
    for (written, expected) in [
        ("4096", 4_096),
        ("\"4096\"", 4_096),
        ("\"2048B\"", 2_048),
        ("\"256KiB\"", 262_144),
        ("\"2 MiB\"", 2_097_152),
    ] {
        let text = format!("{DOCUMENTED}\n[session.limits]\nmax_payload = {written}");
        assert_eq!(
            parse(&text, &[]).session.max_payload(),
            expected,
            "{written}"
        );
    }
}

#[test]
fn stands_inside_the_applications_own_file() {
    let text = format!("{DOCUMENTED}\n[server]\nport = 8080");
    let table = text.parse().expect("TOML");
    let environment = [("SESSION__LOCK__WAIT", "1s")].into_iter().collect();
    let config = ConfigFile::from_table(&table, &environment).expect("a valid configuration");
    assert_eq!(config.session.lock_wait(), Duration::from_secs(1));
    assert_eq!(config.store.options()["pool"]["size"].as_integer(), Some(8));
}

#[test]
fn loads_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("session.toml");
    std::fs::write(&path, DOCUMENTED).expect("a file");
    let config = ConfigFile::load(&path).expect("a valid configuration");
    assert_eq!(config.session.app(), "shop");
}

#[test]
fn a_missing_file_is_an_error_with_its_cause() {
    let error = ConfigFile::load("/nowhere/session.toml").expect_err("no such file");
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/session.toml: cannot be read: "),
        "{error}"
    );
    assert!(error.source().is_some());
    assert_eq!(error.settings().count(), 0);
}

#[test]
fn a_store_refuses_an_option_with_its_line() {
    let store = parse(DOCUMENTED, &[("STORE__POOL__WAIT", "x")]).store;
    let error = |option| store.error(option, "unknown name", "remove it").to_string();
    assert_eq!(
        error("pool"),
        "session.toml:12: store.pool: unknown name; remove it"
    );
    assert_eq!(
        error("pool.wait"),
        "environment variable STORE__POOL__WAIT: store.pool.wait: unknown name; remove it"
    );
}

#[test]
fn s29_debug_shows_no_secret() {
    let text = DOCUMENTED.replace(
        "url = \"redis://127.0.0.1:6379/0\"",
        "url = \"redis://shop:canary@db/0?password=canary\"\npassword = \"canary\"",
    );
    let text = text.replace(
        "ring = \"/etc/shop/machine-key.toml\"",
        "keys = [\"sk1_canary\"]",
    );
    let environment: Environment = [("STORE__TOKEN", "canary")].into_iter().collect();
    let config = ConfigFile::parse(&text, "t", &environment).expect("a valid configuration");
    let shown = format!("{config:?} {config:#?} {environment:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn s29_debug_of_a_store_hides_credentials_only() {
    for (url, shown) in [
        ("memory:", "memory:"),
        ("sqlite:sessions.db", "sqlite:sessions.db"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://u:p@h/0", "redis://***@h/0"),
        ("redis://u:p@h1,u:p@h2/0", "redis://***@h2/0"),
        ("postgres://u:p:/@@h/db", "postgres://***@h/db"),
        ("postgres://u:p?#@h/db", "postgres://***"),
        ("postgres://h/db?user=u&password=p@ss", "postgres://***"),
        ("postgres://h/db?password=p", "postgres://h/db?***"),
        ("tcpip=host:42424", "tcpip=host:42424"),
        ("secret", "***"),
    ] {
        let debug = format!("{:?}", StoreConfig::new(url));
        assert!(debug.contains(&format!("url: {shown:?}")), "{url}: {debug}");
    }
}
