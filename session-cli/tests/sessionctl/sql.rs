//! The tables of a SQL database.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use session_core::SessionStore;
use session_store_sql::PostgresStore;

use crate::farm::{Farm, add_session, runtime};
use crate::postgres::{PASSWORD, Server, shared};
use crate::process::{Run, run};

/// Tables of their own in the shared server.
struct Tables {
    url: String,
    table: String,
}

impl Tables {
    fn new() -> Self {
        Self {
            url: shared().url(),
            table: Server::fresh_table(),
        }
    }

    fn sql(&self, verb: &str, more: &[&str]) -> Run {
        let place = [
            "sql",
            verb,
            "--url",
            &self.url,
            "--schema",
            "farm",
            "--table",
            &self.table,
        ];
        run(place.iter().chain(more))
    }

    fn status(&self) -> (i32, Value) {
        let run = self.sql("status", &["--json"]);
        (run.status, run.json()["status"].clone())
    }

    fn whole_url(&self) -> String {
        format!("{}&schema=farm&table={}", self.url, self.table)
    }
}

#[test]
fn tables_are_made_shown_and_removed() {
    let tables = Tables::new();
    assert_eq!(tables.status(), (3, "missing".into()));
    let dry = tables.sql("install", &["--dry-run"]).done().out;
    assert!(
        dry.contains("CREATE TABLE") && dry.contains(&tables.table),
        "{dry}"
    );
    assert_eq!(dry, tables.sql("print", &[]).done().out);
    let unlogged = tables.sql("print", &["--persistence", "temporary"]).done();
    assert!(unlogged.out.contains("UNLOGGED"));
    assert_eq!(tables.status().0, 3);
    let made = tables.sql("install", &["--json"]).done().json();
    assert_eq!(made["before"]["status"], "missing");
    assert_eq!(made["after"]["status"], "current");
    assert_eq!(tables.status(), (0, "current".into()));
    let again = tables.sql("install", &[]).done().out;
    assert!(again.contains("nothing to do"), "{again}");
    let dry = tables.sql("remove", &["--dry-run"]).done().out;
    assert!(dry.contains("would remove"), "{dry}");
    let told = tables.sql("remove", &[]).failed();
    assert!(
        told.contains("--yes") && told.contains("every session"),
        "{told}"
    );
    assert_eq!(tables.status().0, 0);
    let removed = tables.sql("remove", &["--yes", "--json"]).done().json();
    assert_eq!(removed["removed"], true);
    assert_eq!(tables.status().0, 3);
    let again = tables.sql("remove", &["--yes", "--json"]).done().json();
    assert_eq!(again["removed"], false);
}

#[test]
fn what_has_expired_is_swept() {
    let tables = Tables::new();
    tables
        .sql("install", &["--persistence", "temporary"])
        .done();
    let farm = Farm::over(&tables.whole_url(), "");
    let store = {
        let _entered = runtime().enter();
        let store = PostgresStore::builder(&farm.url).unwrap().build().unwrap();
        Arc::new(store) as Arc<dyn SessionStore>
    };
    add_session(&store, 1, "ann", Duration::from_millis(1));
    add_session(&store, 2, "ann", Duration::from_secs(1200));
    let config = farm.config();
    let mut removed = 0;
    for _ in 0..100 {
        let swept = run(["sweep", "--config", &config, "--json"]).done().json();
        removed += swept["removed"].as_u64().unwrap();
        if removed > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(removed, 1);
    let left = run([
        "inspect",
        "--config",
        &config,
        "--principal",
        "ann",
        "--json",
    ]);
    assert_eq!(left.done().json()["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn s29_a_password_is_not_repeated() {
    let table = Server::fresh_table();
    let url = shared().tcp();
    for verb in ["status", "remove", "print"] {
        let run = run(["sql", verb, "--url", &url, "--table", &table]);
        assert!(!format!("{run:?}").contains(PASSWORD), "{verb}");
    }
    let wrong = url.replace(PASSWORD, "hunter2");
    let told = run(["sql", "status", "--url", &wrong]).failed();
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_wrong_with_a_url_is_told() {
    let url = "mysql://u:hunter2@127.0.0.1:1/db";
    let told = run(["sql", "status", "--url", url]).failed();
    assert!(
        told.contains("127.0.0.1:1") && !told.contains("hunter2"),
        "{told}"
    );
    let told = run(["sql", "install", "--url", "state-server://host"]).failed();
    assert!(told.contains("no tables"), "{told}");
    let told = run([
        "sql",
        "print",
        "--url",
        "postgres://host/db",
        "--table",
        "a b",
    ]);
    assert!(told.failed().contains("store.table"));
}

#[test]
fn a_sqlite_file_gets_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    run(["sql", "install", "--url", &url]).done();
    run(["sql", "status", "--url", &url]).done();
    let swept = run(["sweep", "--url", &url, "--json"]).done();
    assert_eq!(swept.json()["removed"], 0);
    run(["sql", "remove", "--url", &url, "--yes"]).done();
}
