//! The store that a URL names.

use std::error::Error;
use std::sync::Arc;

use session_core::{SessionStore, StoreConfig};
use session_store_state_server::StateServerStore;

/// Opens the store at `url`. Call it inside the runtime.
pub(crate) fn open(url: &str) -> Result<Arc<dyn SessionStore>, Box<dyn Error>> {
    if url.starts_with("memory:") {
        return Err(
            "--store memory: is no store for a farm, because every instance would have \
                    sessions of its own; leave --store out to use a state server"
                .into(),
        );
    }
    Ok(Arc::new(StateServerStore::connect(&StoreConfig::new(url))?))
}

/// What kind of store it is, for people; the rest of the URL may hold a password.
pub(crate) fn kind(url: &str) -> &str {
    url.split([':', '=']).next().unwrap_or(url)
}
