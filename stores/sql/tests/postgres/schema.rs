//! The tables: made once, by however many at a time, and removed.

use session_core::StoreConfig;
use session_store_sql::schema::{Persistence, Schema, Status};

use crate::server;

fn schema(url: &str) -> Schema {
    Schema::of(&StoreConfig::new(url)).unwrap()
}

#[tokio::test]
async fn tables_are_made_and_removed() {
    let schema = schema(&server::shared().fresh_url());
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
    let installed = schema.install(Persistence::Permanent).await;
    assert_eq!(installed.unwrap(), Status::Missing);
    let again = schema.install(Persistence::Permanent).await;
    assert_eq!(again.unwrap(), Status::Current(1));
    assert_eq!(schema.status().await.unwrap(), Status::Current(1));
    assert!(schema.remove().await.unwrap());
    assert!(!schema.remove().await.unwrap());
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
}

#[tokio::test]
async fn many_may_install_at_once() {
    let url = server::shared().fresh_url();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let schema = schema(&url);
            tokio::spawn(async move { schema.install(Persistence::Permanent).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap() == Status::Missing);
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn newer_tables_are_left_alone() {
    let url = server::shared().tables().await;
    let client = server::shared().client().await;
    let newer = format!("UPDATE {}_schema SET version = 9", server::table(&url));
    client.batch_execute(&newer).await.unwrap();
    let schema = schema(&url);
    assert_eq!(schema.status().await.unwrap(), Status::Newer(9));
    let error = schema.install(Persistence::Permanent).await.unwrap_err();
    assert!(error.to_string().contains("update the program"), "{error}");
}

#[tokio::test]
async fn temporary_sessions_are_unlogged_and_control_rows_are_not() {
    let url = server::shared().fresh_url();
    schema(&url).install(Persistence::Temporary).await.unwrap();
    let client = server::shared().client().await;
    let text = "SELECT relpersistence::text FROM pg_class WHERE oid = $1::text::regclass";
    for (suffix, expected) in [("", "u"), ("_control", "p"), ("_schema", "p")] {
        let table = format!("{}{suffix}", server::table(&url));
        let row = client.query_one(text, &[&table]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "{table}");
    }
}

#[test]
fn other_databases_are_named() {
    let error = Schema::of(&StoreConfig::new("oracle://host/db")).unwrap_err();
    assert!(error.to_string().contains("store.url"), "{error}");
}
