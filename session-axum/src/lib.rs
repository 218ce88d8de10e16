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
//! session. Several of them in one request share one load. Middleware and tower services without
//! extractors ask [`SessionRequestExt`].
//!
//! # Values
//!
//! The methods are those of [`session_core::ReadOnlySession`], [`session_core::Session`] and
//! [`session_core::LiveSession`], to which the extractors dereference. `get` followed by
//! `insert` is not protected against parallel requests: use `update`, or `get_guarded`.
//!
//! # Commit and errors
//!
//! Changes are saved before the response's head is sent, whatever its status; if that fails, the
//! client gets an error instead of the response. A panic, or a client that goes away before
//! there is a response, saves nothing. [`Error`] converts from the errors of the handle, so `?`
//! works in a handler that returns it; clients get its status and an empty body, and the cause
//! goes to [`tracing`]: without a subscriber nobody sees it.
//!
//! # Where the layer stands
//!
//! After the routes (`Router::layer`), around nested routers, or around any tower service. A
//! layer that gives up on a handler, such as a time-out, or makes a response of a panic, belongs
//! outside of it. See [`SessionLayer`].
//!
//! # Ready, and a clean end
//!
//! [`SessionLayer::engine`] has `ready`, for a readiness probe, and `drain`, which waits after
//! the server has stopped for store operations that outlived their requests.
//!
//! Await `ready` once before the server listens, too: over a store that several instances share,
//! it proves that this one has their key ring. `session_core::NotReady::Drift` means that it has
//! another one, and that the process should end with this error, whose message says what to do.
//! With any other error the server should listen and say that it is not ready.

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
    ConfigFile, Key, KeyRing, OnConflict, SameSite, SessionConfig, SessionErrorKind, SessionStore,
    Transport,
};

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
