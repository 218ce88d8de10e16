//! Session store on a state server, and the state server itself.
//!
//! Both speak the published ASP.NET State Server protocol with extensions of our own; [`wire`]
//! says what goes over the wire.

mod client;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;

#[cfg(feature = "tls")]
pub use self::client::Tls;
pub use self::client::{StateServerStore, StateServerStoreBuilder};
