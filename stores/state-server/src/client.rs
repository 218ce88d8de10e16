//! The client store.

mod address;
mod control;
mod diagnose;
mod dial;
mod driver;
mod farm;
mod fault;
mod input;
mod listing;
mod moving;
mod operations;
mod options;
mod outcome;
mod parcel;
mod partition;
mod pipe;
mod plain;
mod reply;
mod request;
mod roster;
mod server;
mod settings;
mod shown;
mod store;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "client/no_tls.rs"]
mod tls;
mod tls_options;
mod waiting;

use std::hash::{BuildHasher, RandomState};

pub use self::settings::StateServerStoreBuilder;
pub use self::store::StateServerStore;
#[cfg(feature = "tls")]
pub use self::tls::Tls;

/// What the store calls itself.
const NAME: &str = "state-server";

/// A number that differs from process to process and from call to call.
fn jitter() -> u64 {
    RandomState::new().hash_one(0)
}
