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
    let mut client = server::shared().client().await;
    let newer = format!("UPDATE {}_schema SET version = 9", server::table(&url));
    client.execute(&newer).await;
    let schema = schema(&url);
    assert_eq!(schema.status().await.unwrap(), Status::Newer(9));
    let error = schema.install(Persistence::Permanent).await.unwrap_err();
    assert!(error.to_string().contains("update the program"), "{error}");
}

/// What was cut off half-way is done again, and can be removed.
#[tokio::test]
async fn half_an_installation_is_finished_or_removed() {
    let url = server::shared().tables().await;
    let table = server::table(&url);
    let mut client = server::shared().client().await;
    let half = format!("DROP TABLE {table}_control; DELETE FROM {table}_schema");
    client.execute(&half).await;
    let schema = schema(&url);
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
    let installed = schema.install(Persistence::Permanent).await;
    assert_eq!(installed.unwrap(), Status::Missing);
    assert_eq!(schema.status().await.unwrap(), Status::Current(1));
    client.execute(&half).await;
    assert!(!schema.remove().await.unwrap());
    let left = format!("SHOW TABLES LIKE '{}%'", table.replace("farm.", ""));
    assert_eq!(client.rows::<String>(&left).await, Vec::<String>::new());
}

/// Sessions cannot be kept in memory alone, and the reason is said.
#[tokio::test]
async fn temporary_sessions_are_refused() {
    let schema = schema(&server::shared().fresh_url());
    let error = schema.install(Persistence::Temporary).await.unwrap_err();
    assert!(error.to_string().contains("ENGINE=MEMORY"), "{error}");
    assert!(error.to_string().contains("as permanent"), "{error}");
    assert_eq!(schema.status().await.unwrap(), Status::Missing);
    let printed = schema.print(Persistence::Temporary);
    assert!(printed.starts_with("-- Not possible"), "{printed}");
}

/// The engine is named, whatever the server's default is.
#[tokio::test]
async fn tables_are_transactional() {
    let url = server::shared().tables().await;
    let name = server::table(&url).replace("farm.", "");
    let mut client = server::shared().client().await;
    let text = format!(
        "SELECT engine FROM information_schema.tables \
         WHERE table_schema = 'farm' AND table_name IN ('{name}', '{name}_control', '{name}_schema')"
    );
    let engines: Vec<String> = client.rows(&text).await;
    assert_eq!(engines, ["InnoDB", "InnoDB", "InnoDB"]);
}

#[test]
fn other_databases_are_named() {
    let error = Schema::of(&StoreConfig::new("oracle://host/db")).unwrap_err();
    assert!(error.to_string().contains("store.url"), "{error}");
}
