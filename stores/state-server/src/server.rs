//! The state server.

mod admin;
mod config;
mod connection;
mod daemon;
mod http;
mod items;
mod listen;
mod metrics;
mod open;
mod persist;
mod refusal;
mod room;
mod seldom;
mod state;
mod timer;
mod tls;
mod token;
mod verbs;

pub use self::config::Limits;
pub use self::daemon::daemon;
pub use self::listen::{Listening, Server};
pub use self::persist::{Durability, PersistError, Persistence};
pub use self::tls::{Tls, TlsError, TlsFiles};
pub use self::token::Tokens;
