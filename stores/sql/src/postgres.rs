//! PostgreSQL.

mod dial;
mod doubt;
mod fault;
mod lease;
mod links;
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

pub use self::settings::{PostgresStoreBuilder, SynchronousCommit};
pub use self::store::PostgresStore;

/// What the store calls itself.
const NAME: &str = "postgres";
