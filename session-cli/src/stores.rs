//! Which store a URL means: the one place that knows them all.

use std::sync::Arc;

use session_core::{SessionStore, StoreConfig};
#[cfg(feature = "sql")]
use session_store_sql::schema::Schema;

use crate::answer::Failure;

/// The schemes of stores, and the features that bring them.
const FEATURES: [(&str, &str); 13] = [
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("redis", "redis"),
    ("rediss", "redis"),
    ("redis-sentinel", "redis"),
    ("redis-cluster", "redis"),
    ("sqlite", "sqlite"),
    ("state-server", "state-server"),
    ("state-server+unix", "state-server"),
    ("tcpip", "state-server"),
    ("valkey", "redis"),
];

/// The store at a URL. Nothing is connected yet.
pub(crate) fn open(config: &StoreConfig) -> Result<Arc<dyn SessionStore>, Failure> {
    match scheme(config) {
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => Ok(Arc::new(session_store_sql::MysqlStore::connect(config)?)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            Ok(Arc::new(session_store_sql::PostgresStore::connect(config)?))
        }
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis-sentinel" | "redis-cluster" | "valkey" => {
            Ok(Arc::new(session_store_redis::RedisStore::connect(config)?))
        }
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(session_store_sql::SqliteStore::connect(config)?)),
        #[cfg(feature = "state-server")]
        "state-server" | "state-server+unix" | "tcpip" => Ok(Arc::new(
            session_store_state_server::StateServerStore::connect(config)?,
        )),
        other => Err(unknown(other)),
    }
}

/// The tables of the SQL database at a URL.
#[cfg(feature = "sql")]
pub(crate) fn schema(config: &StoreConfig) -> Result<Schema, Failure> {
    match scheme(config) {
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => Ok(Schema::of(config)?),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Schema::of(config)?),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Schema::of(config)?),
        other if is_sql(config) => Err(unknown(other)),
        other => Err(no_tables(other)),
    }
}

/// Whether a URL is that of a SQL database.
pub(crate) fn is_sql(config: &StoreConfig) -> bool {
    matches!(
        feature(scheme(config)),
        Some("mysql" | "postgres" | "sqlite")
    )
}

/// Whether a URL is that of a store inside of the application's process.
pub(crate) fn is_memory(config: &StoreConfig) -> bool {
    scheme(config) == "memory"
}

fn scheme(config: &StoreConfig) -> &str {
    config.url().split([':', '=']).next().unwrap_or_default()
}

fn feature(scheme: &str) -> Option<&'static str> {
    let mut features = FEATURES.iter();
    features
        .find(|(name, _)| *name == scheme)
        .map(|(_, feature)| *feature)
}

/// Names the feature. A text that is no scheme of ours may be a password, and is not repeated.
fn unknown(scheme: &str) -> Failure {
    if scheme == "memory" {
        return Failure::new(
            "a memory: store lives inside of the application, where no other program sees it; \
             name a store that is shared",
        );
    }
    Failure::new(match feature(scheme) {
        Some(feature) => format!(
            "store.url: this sessionctl was built without the feature `{feature}`, which \
             {scheme}: needs; build it with `cargo install session-cli --features {feature}`"
        ),
        None => "store.url: not the URL of a store; write for example \
                 state-server://127.0.0.1:42424 or postgres://user@host/database"
            .to_owned(),
    })
}

#[cfg(feature = "sql")]
fn no_tables(scheme: &str) -> Failure {
    match feature(scheme) {
        Some(_) => Failure::new(format!(
            "store.url: a store of {scheme}: has no tables; name a SQL database, for example \
             postgres://user@host/database"
        )),
        None => unknown(scheme),
    }
}

#[cfg(test)]
mod tests {
    use session_core::StoreConfig;

    use super::open;

    fn refusal(url: &str) -> String {
        open(&StoreConfig::new(url)).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_store_is_not_repeated() {
        assert!(refusal("memory:").contains("inside of the application"));
        let told = refusal("hunter2");
        assert!(told.contains("not the URL") && !told.contains("hunter2"));
    }

    #[cfg(not(feature = "mysql"))]
    #[test]
    fn a_store_that_was_not_built_in_is_named_by_its_feature() {
        let told = refusal("mysql://u:secret@host/db");
        assert!(told.contains("feature `mysql`") && !told.contains("secret"));
    }
}
