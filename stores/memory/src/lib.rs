//! In-process session store.
//!
//! Records live in the memory of this process and end with it. Nothing runs in the background:
//! an expired session is absent at once, and its memory is taken back by later writes, by
//! [`sweep`](session_core::SessionStore::sweep), or when a cap is met.
//!
//! ```
//! use std::sync::Arc;
//! use session_store_memory::MemoryStore;
//!
//! let store = Arc::new(MemoryStore::builder().max_bytes(256 << 20).build());
//! assert_eq!(store.stats().sessions, 0);
//! ```
//!
//! Give the store to an adapter, such as `session-axum`'s `SessionLayer`. It is for one process:
//! a second instance does not see its sessions, and a restart ends them.
//!
//! | concept | where |
//! |---|---|
//! | caps on bytes and sessions; at a cap new sessions are refused and live ones stay | [`MemoryStoreBuilder`] |
//! | how much is in it | [`Stats`], by [`MemoryStore::stats`] |
//! | what a store promises | [`session_core::SessionStore`] |
//!
//! Sessions are not sealed, since they do not leave the process: a core dump contains them.
//! Locks are granted in the order in which they were asked for. Setting the machine's clock ends
//! no session.

mod budget;
mod config;
mod content;
mod expiry;
mod index;
mod lease;
mod listing;
mod meta;
mod moment;
mod session;
mod shard;
mod store;
mod sweep;
mod table;
mod tombstone;
mod waiting;
mod write;

pub use self::budget::Stats;
pub use self::config::MemoryStoreBuilder;
pub use self::store::MemoryStore;
