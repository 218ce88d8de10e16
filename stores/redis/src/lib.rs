//! Session store on Redis or Valkey: one server, Sentinel or Cluster.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), session_core::ConfigError> {
//! use session_store_redis::RedisStore;
//!
//! let store = RedisStore::builder("redis://127.0.0.1:6379/0")?
//!     .key_prefix("shop:")?
//!     .build();
//! # Ok(())
//! # }
//! ```
//!
//! # What stands in the server
//!
//! | key (after the prefix) | what | ends |
//! |---|---|---|
//! | `s:{route}…` | one session or its tombstone, a string that begins with the revision | with the session; a tombstone after a minute |
//! | `p:…` | the sessions of a principal, a sorted set scored by the absolute deadline and a minute | with the last of them |
//! | `m:…` | a control row | never: control rows have no end of life |
//!
//! Every operation on a session is one command or one small script, in one round trip. The route
//! is the hash tag, so a renewed session stays in its slot. The index of a principal lies in
//! another slot: an entry is written before the session moves, and whoever reads entries checks
//! each against its session, so what a crash leaves in between is never shown.
//!
//! A session belongs to the server's clock alone. Nothing is read from replicas.

mod address;
mod call;
mod checks;
mod cluster;
mod confirm;
mod control;
mod dial;
mod fault;
mod fleet;
mod index;
mod keys;
mod lease;
mod moment;
mod operations;
mod options;
mod reply;
mod script;
mod secret;
mod sentinel;
mod server;
mod settings;
mod slots;
mod stats;
mod store;
mod tidy;
mod tls;
mod url;
mod value;
mod write;

pub use self::settings::RedisStoreBuilder;
pub use self::stats::RedisStats;
pub use self::store::RedisStore;

/// The store's name in logs, errors and metrics.
pub(crate) const NAME: &str = "redis";
