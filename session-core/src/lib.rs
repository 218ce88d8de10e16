//! Session state for Rust web frameworks: what is true of sessions whatever the framework and
//! the store are.
//!
//! An application uses an adapter (`session-axum`) and a store (`session-store-memory`), and
//! meets this crate in its handlers, in its configuration and in its key ring. What works on a
//! session need not know the framework:
//!
//! ```
//! use session_core::{Key, Session, SessionError};
//!
//! const CART: Key<Vec<String>> = Key::new("cart");
//!
//! fn add_to_cart(session: &Session, article: String) -> Result<usize, SessionError> {
//!     // Runs again if another request changed the cart meanwhile; nothing is lost.
//!     let cart = session.update(CART, move |mut cart: Vec<String>| {
//!         cart.push(article.clone());
//!         cart
//!     })?;
//!     Ok(cart.len())
//! }
//! ```
//!
//! `get` followed by `insert` is not protected: of two requests in parallel that do this, one is
//! forgotten.
//!
//! # Where to find what
//!
//! | concept | types |
//! |---|---|
//! | the handle of a session: values, log-in, log-out, timeouts, labels | [`ReadOnlySession`], [`Session`], [`LiveSession`] |
//! | names of values, and what becomes of conflicts | [`Key`], [`SessionKey`], [`OnConflict`] |
//! | why something failed, and what a client is answered | [`SessionError`], [`SessionErrorKind`], [`Cause`] |
//! | settings, from code, a file or the environment | [`SessionConfig`], [`ConfigFile`], [`Environment`], [`ConfigError`] |
//! | the secret that signs and seals, and where it comes from | [`KeyRing`], [`KeyRingOptions`], [`KeyRingError`], [`MachineKey`], [`Rotation`] |
//! | the keys of a farm, for tools that look after it | [`FleetRow`], [`FleetVerdict`] |
//! | sealing the application's own data with the same ring | [`Protector`] |
//! | writing a store: the contract and its outcomes | [`SessionStore`], [`Record`], [`StoreError`], the suite in `testing::conformance` |
//! | writing an adapter: one request from load to commit | [`Engine`], [`Exchange`], [`Access`], [`RequestHeaders`], [`ResponseHeaders`] |
//! | time, which comes in from outside | [`Clock`], [`SystemClock`], [`Timestamp`] |
//!
//! # What holds
//!
//! - Nothing is parsed, loaded or sent for a request that does not ask for its session, and no
//!   session exists until a value is written.
//! - Changes are committed in one store operation before the response's head is sent. Every
//!   write names the revision that it was based on; changes of parallel requests are merged key
//!   by key.
//! - Ending a session wins over every write, and absent, ended and unreachable are told apart.
//! - Ids, keys and values are in no log, no error and no `Debug`; a session is shown by its
//!   [`Fingerprint`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | counters through the `metrics` facade |
//! | `testing` | no | the conformance suite for stores, a clock moved by hand, stores that fail or count |

mod access;
mod cause;
mod clock;
mod config;
mod cookie;
mod crypto;
mod duration;
mod engine;
mod error;
mod id;
mod machine_key;
mod record;
mod session;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod values;

pub use self::access::Access;
pub use self::cause::Cause;
pub use self::clock::{Clock, SystemClock, Timestamp};
pub use self::config::{
    ConfigError, ConfigFile, Environment, MachineKeyConfig, SessionConfig, SessionConfigBuilder,
    StoreConfig,
};
pub use self::cookie::{CookieConfig, CookieConfigBuilder};
pub use self::crypto::RandomError;
pub use self::engine::{
    Commit, Engine, EngineError, Exchange, Finish, NotReady, RequestHeaders, ResponseHeaders,
};
pub use self::error::{SessionError, SessionErrorKind};
pub use self::id::{PrincipalKey, Route, SessionId, StoreKey};
pub use self::machine_key::{
    Difference as FleetDifference, Fingerprint, FleetRow, KeyRing, KeyRingBehind, KeyRingDrift,
    KeyRingError, KeyRingErrorKind, KeyRingOptions, KeyState, KeyStatus, KeyText, Kid, MachineKey,
    ParseFingerprintError, Protector, ProtectorError, ProtectorErrorKind, Ring, Rotation,
    RowError as FleetRowError, Verdict as FleetVerdict, fleet_row, instance_row,
};
pub use self::record::{EndReason, Lifetime, Loaded, Record, Revision};
pub use self::session::{LiveSession, ReadOnlySession, Session};
pub use self::store::{
    Acquire, Create, Cursor, Extend, LeaseToken, LeaseUse, Listed, Load, MetaRow, MetaSet, Page,
    Ping, Role, Save, Scope, SessionStore, StoreError, StoreErrorKind, Swept, TOMBSTONE, Touch,
};
pub use self::transport::{HeaderConfig, HeaderConfigBuilder, Transport, Transports};
pub use self::values::{Key, OnConflict, SessionKey};
pub use ::cookie::SameSite;
