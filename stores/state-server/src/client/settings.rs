//! How servers are spoken to.

use std::fmt;
use std::time::Duration;

use session_core::{ConfigError, StoreConfig};
use tokio::runtime::Handle;

use super::address::Address;
use super::options::guard_protocol;
use super::store::StateServerStore;
use super::tls::Connector;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// The settings that every connection goes by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    /// The list of servers before the current one.
    pub(super) previous: Vec<Address>,
    /// Those of them that will not come back.
    pub(super) previous_lost: Vec<Address>,
    pub(super) token: Option<Token>,
    pub(super) insecure_token_over_plain_tcp: bool,
    pub(super) tls: Option<Connector>,
    pub(super) connections: usize,
    pub(super) waiting_connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            previous: Vec::new(),
            previous_lost: Vec::new(),
            token: None,
            insecure_token_over_plain_tcp: false,
            tls: None,
            connections: 2,
            waiting_connections: 16,
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(2),
        }
    }
}

/// What is spoken with the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The published protocol with our extensions.
    #[default]
    Extended,
    /// The published protocol alone.
    MsAsp,
}

/// A bearer token; `Debug` does not show it.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A token that can stand in a header.
    pub(super) fn new(text: &str) -> Option<Self> {
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Where the servers are and how they are spoken to.
#[derive(Clone, Debug)]
pub struct StateServerStoreBuilder {
    pub(super) servers: Vec<Address>,
    pub(super) settings: Settings,
    pub(super) runtime: Handle,
}

impl StateServerStoreBuilder {
    /// The secret that the server's `--token-file` holds. Default: none. It is shown to a server
    /// on another machine over TLS only.
    ///
    /// # Errors
    /// It is empty, or holds anything but visible ASCII characters.
    pub fn token(mut self, token: &str) -> Result<Self, ConfigError> {
        let config = StoreConfig::default();
        let fix = "use one or more visible ASCII characters";
        let token = Token::new(token).ok_or_else(|| config.error("token", "not a token", fix))?;
        self.settings.token = Some(token);
        guard_protocol(&config, &self.settings)?;
        Ok(self)
    }

    /// Shows the token to servers on other machines over plain TCP too. Whoever can read the
    /// network in between can then read and write every session.
    #[must_use]
    pub fn insecure_token_over_plain_tcp(mut self) -> Self {
        self.settings.insecure_token_over_plain_tcp = true;
        self
    }

    /// Speaks TLS with all servers. Default: no TLS.
    ///
    /// # Errors
    /// A file cannot be read or does not hold what it should.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: &Tls) -> Result<Self, ConfigError> {
        self.settings.tls = Some(tls.open(&StoreConfig::default())?);
        Ok(self)
    }

    /// How many connections to each server everybody shares, from 1 to 64. Default 2. One
    /// carries hundreds of requests at a time; a second one helps when large records hold up
    /// small ones, and costs system calls.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.settings.connections = count.clamp(1, 64);
        self
    }

    /// How many requests can wait for leases at each server at a time, from 1 to 1,024: each
    /// waits on a connection of its own. Default 16. More queue up here.
    #[must_use]
    pub fn waiting_connections(mut self, count: usize) -> Self {
        self.settings.waiting_connections = count.clamp(1, 1024);
        self
    }

    /// How long connecting may take, greeting included, and how long requests wait for a server
    /// that is away. Default 1 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an answer may take. Default 2 s. A server that takes longer is taken for dead:
    /// the connection is closed, and what was on it fails as well.
    #[must_use]
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.settings.operation_timeout = timeout;
        self
    }

    /// The list of servers before the current one, as `host` or `host:port`. Default: none.
    ///
    /// To change the list, give every instance the new list and the former one as this, one
    /// instance after the other. The first of them takes the servers over; instances that still
    /// have the former list go on with what has not moved, and answer with an error, never with
    /// "no such session", where something may have. What a new owner does not have is asked of
    /// the former one and moves; its idle time starts anew. Take the setting away once the idle
    /// timeout has passed: what has not moved by then has expired.
    ///
    /// Until then every former server must be there: one that does not answer makes an error of
    /// each miss that concerns it. If one has gone for good, name it as lost too.
    ///
    /// # Errors
    /// One of them is no address, or is there twice.
    pub fn previous<'a>(
        mut self,
        servers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ConfigError> {
        let list: Vec<_> = servers.into_iter().collect();
        let config = StoreConfig::default();
        self.settings.set(&config, "previous", &list.join(","))?;
        guard_protocol(&config, &self.settings)?;
        Ok(self)
    }

    /// Servers of the former list that will not come back (`previous_lost`). Default: none. They
    /// are not asked, so the sessions that they had are absent.
    ///
    /// # Errors
    /// One of them is no address, or is there twice.
    pub fn previous_lost<'a>(
        mut self,
        servers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ConfigError> {
        let list: Vec<_> = servers.into_iter().collect();
        let config = StoreConfig::default();
        self.settings
            .set(&config, "previous_lost", &list.join(","))?;
        Ok(self)
    }

    /// The store. Nothing is connected yet.
    #[must_use]
    pub fn build(self) -> StateServerStore {
        StateServerStore::new(self.servers, self.settings, &self.runtime)
    }
}
