//! The state server.
//!
//! The binary `session-state-server` is this with flags; `--help` lists them. It listens on
//! 127.0.0.1:42424 unless told otherwise. An address that other machines reach needs
//! `--allow-remote` with TLS and tokens, or `--insecure`.
//!
//! # The admin port
//!
//! `/health` answers 200 as long as the process does, `/ready` 503 while it drains, and `/` is a
//! page for people. `/metrics` is Prometheus text; each name begins with
//! `session_state_server_`:
//!
//! | name | kind | what |
//! |---|---|---|
//! | `items`, `tombstones` | gauge | sessions and other items; marks of ended sessions |
//! | `memory_bytes`, `memory_max_bytes` | gauge | what counts against the cap, and the cap |
//! | `resident_bytes` | gauge | the memory that the process has |
//! | `connections`, `connections_max` | gauge | open connections, and the cap |
//! | `lock_waiters` | gauge | requests that wait for a lock |
//! | `draining` | gauge | 1 while the server drains |
//! | `connections_total` | counter | connections since the start |
//! | `responses_total{status}` | counter | responses by status |
//! | `refusals_total{reason}` | counter | what was refused, answered or not |
//!
//! The reasons: `request` (400, no valid request), `head`, `target` and `headers` (400, beyond a
//! cap), `token` (401), `slow` (408), `item` (413), `connections` and `waiters` (429), `draining`
//! (503), `memory` (507), and `handshake` (no TLS, nothing is answered).

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
