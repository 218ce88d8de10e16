//! MySQL and MariaDB.

mod dial;
mod fault;
mod lease;
mod listing;
mod meta;
mod pool;
mod read;
mod rename;
mod row;
pub(crate) mod schema;
mod settings;
mod statements;
mod store;
mod sweep;
mod tls;
mod write;

pub use self::settings::MysqlStoreBuilder;
pub use self::store::MysqlStore;

/// What the store calls itself.
const NAME: &str = "mysql";
