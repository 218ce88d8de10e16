//! Session state for Rust web frameworks.

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
    Fingerprint, KeyRing, KeyRingError, KeyRingErrorKind, KeyRingOptions, KeyState, KeyStatus,
    KeyText, Kid, MachineKey, ParseFingerprintError, Protector, ProtectorError, ProtectorErrorKind,
    Ring,
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
