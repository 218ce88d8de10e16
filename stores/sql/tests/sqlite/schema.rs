//! The tables: made once, by however many at a time, and removed.

use session_core::{SessionStore, StoreConfig, StoreErrorKind};
use session_store_sql::schema::{Persistence, Schema, Status};

use crate::file::{File, store};
use crate::sessions::create;

fn schema(url: &str) -> Schema {
    Schema::of(&StoreConfig::new(url)).unwrap()
}

#[tokio::test]
async fn tables_are_made_and_removed() {
    let file = File::fresh();
    let schema = schema(&file.url(""));
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
    assert!(!file.path().exists());
    let installed = schema.install(Persistence::Permanent).await;
    assert_eq!(installed.unwrap(), Status::Missing);
    let again = schema.install(Persistence::Permanent).await;
    assert_eq!(again.unwrap(), Status::Current(1));
    assert_eq!(schema.status().await.unwrap(), Status::Current(1));
    create(&store(&file.url("")), 1, "x").await;
    assert!(schema.remove().await.unwrap());
    assert!(!schema.remove().await.unwrap());
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_install_at_once() {
    let file = File::fresh();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let schema = schema(&file.url(""));
            tokio::spawn(async move { schema.install(Persistence::Permanent).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap() == Status::Missing);
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_stores_may_make_the_file_at_once() {
    let file = File::fresh();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = file.store();
            tokio::spawn(async move { create(&store, number, "x").await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A store that meets no tables, or others than its own, says so and what to do.
#[tokio::test]
async fn stores_leave_other_tables_alone() {
    let file = File::fresh();
    let url = file.url("");
    let refused = async || {
        let error = store(&url).ping().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        error.to_string()
    };
    let advice = format!(
        "sessionctl sql install --url 'sqlite:{}'",
        file.path().display()
    );
    assert!(refused().await.contains(&advice));
    assert!(!file.path().exists());
    file.foreign().execute_batch("CREATE TABLE x (y)").unwrap();
    assert!(refused().await.contains(&advice));
    schema(&url).install(Persistence::Permanent).await.unwrap();
    let newer = "UPDATE sessions_schema SET version = 9";
    file.foreign().execute_batch(newer).unwrap();
    assert!(refused().await.contains("update the program"));
    let schema = schema(&url);
    assert_eq!(schema.status().await.unwrap(), Status::Newer(9));
    let error = schema.install(Persistence::Permanent).await.unwrap_err();
    assert!(error.to_string().contains("update the program"), "{error}");
}

/// A store that runs while the tables are changed stops writing.
#[tokio::test]
async fn a_running_store_notices_newer_tables() {
    let file = File::fresh();
    let store = file.store();
    create(&store, 1, "x").await;
    let newer = "UPDATE sessions_schema SET version = 9";
    file.foreign().execute_batch(newer).unwrap();
    let touch = store.touch(crate::sessions::key(1));
    let error = touch.await.unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[tokio::test]
async fn there_are_no_temporary_tables() {
    let file = File::fresh();
    let error = schema(&file.url("")).install(Persistence::Temporary).await;
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Unsupported);
}

/// What `print` shows is what `install` does.
#[tokio::test]
async fn what_is_printed_can_be_executed() {
    let file = File::fresh();
    let text = schema(&file.url("")).print(Persistence::Permanent);
    file.foreign().execute_batch(&text).unwrap();
    create(&store(&file.url("")), 1, "x").await;
}

/// A file that was made is its owner's; what lies beside a file has the rights of the file.
#[cfg(unix)]
#[tokio::test]
async fn files_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::fresh();
    let store = file.store();
    create(&store, 1, "x").await;
    for entry in std::fs::read_dir(file.folder()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}
