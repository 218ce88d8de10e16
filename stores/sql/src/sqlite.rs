//! SQLite.

mod fault;
mod identity;
mod lease;
mod listing;
mod meta;
mod open;
mod read;
mod rename;
mod row;
pub(crate) mod schema;
mod settings;
mod statements;
mod store;
mod sweep;
mod time;
mod turn;
mod write;

pub use self::settings::{SqliteStoreBuilder, Synchronous};
pub use self::store::SqliteStore;

/// What the store calls itself.
const NAME: &str = "sqlite";
