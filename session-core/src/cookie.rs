//! Cookie syntax: reading `Cookie` headers, writing `Set-Cookie` lines, and the rules of both.

mod attributes;
mod config;
mod parse;
mod write;

pub use self::config::{CookieConfig, CookieConfigBuilder};

pub(crate) use self::attributes::{InvalidAttribute, MaxAge, is_token_byte};
pub(crate) use self::parse::{MAX_CANDIDATES, candidates};
