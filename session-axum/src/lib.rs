//! Sessions for axum, and for any tower service over [`http`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use session_axum::{Error, KeyRing, Session, SessionConfig, SessionLayer};
//! use session_store_memory::MemoryStore;
//!
//! async fn visits(session: Session) -> Result<String, Error> {
//!     let visits = session.update("visits", |visits: u64| visits + 1)?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(folder.path())?;
//! let ring = KeyRing::open_or_create("machine-key.toml")?;
//! let config = SessionConfig::builder("shop").build()?;
//! let store = Arc::new(MemoryStore::default());
//! let app: Router = Router::new()
//!     .route("/", get(visits))
//!     .layer(SessionLayer::new(config, ring, store)?);
//! # Ok(())
//! # }
//! ```
//!
//! What a handler needs it says by its extractor, as pages once did with `EnableSessionState`:
//!
//! | extractor | reads | writes | waits | after the response's head |
//! |---|---|---|---|---|
//! | none | | | | |
//! | [`ReadOnlySession`] | yes | | never | |
//! | [`Session`] | yes | merged with parallel requests | never | |
//! | [`ExclusiveSession`] | yes | alone | for its turn | |
//! | [`LiveSession`] | yes | merged | never | reads and writes, with `commit` |
//!
//! Each of them works as `Result<_, Error>`, for a handler that decides itself what to do when
//! the store is down, and as `Option<_>`, which is `None` for a visitor without a stored
//! session.

mod error;
mod extract;
mod future;
mod headers;
mod layer;
mod request;

pub use self::error::Error;
pub use self::extract::{ExclusiveSession, LiveSession, ReadOnlySession, Session};
pub use self::future::ResponseFuture;
pub use self::layer::{SessionLayer, SessionService};
pub use self::request::SessionRequestExt;
// What an application needs beside the layer, so that it depends on one crate and a store.
pub use session_core::{
    ConfigFile, Key, KeyRing, OnConflict, SessionConfig, SessionErrorKind, SessionStore,
};

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
