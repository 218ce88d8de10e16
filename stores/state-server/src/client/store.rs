//! [`StateServerStore`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Acquire, Clock, ConfigError, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime,
    Load, MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Role, Route, Save, Scope,
    SessionStore, StoreConfig, StoreError, StoreErrorKind, StoreKey, Swept, SystemClock, Touch,
};
use tokio::runtime::Handle;

use super::NAME;
use super::address::Address;
use super::control;
use super::farm::{Asked, Farm, lane};
use super::listing;
use super::request;
use super::server::Verb;
use super::settings::{Settings, StateServerStoreBuilder};

/// Keeps sessions in one or several `session-state-server`s.
///
/// Connections are opened when they are needed and live on the runtime that the store was built
/// on. Requests for the same session are sent in order on the same connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_core::ConfigError> {
/// use std::time::Duration;
/// use session_store_state_server::StateServerStore;
///
/// let store = StateServerStore::builder("state-server://127.0.0.1:42424")?
///     .operation_timeout(Duration::from_secs(1))
///     .build();
/// # Ok(())
/// # }
/// ```
///
/// # When a server is away
///
/// Requests wait for it as long as the connect timeout from the first failure on, so a quick
/// restart fails none of them; after that they fail at once when an attempt to connect fails.
/// What was written to a connection that then broke is repeated if it only reads, once; a write
/// is repeated only if the server cannot have seen it. Answers come in order, so a server that
/// does not answer the oldest request within the operation timeout is given up, with everything
/// on that connection.
#[derive(Debug)]
pub struct StateServerStore {
    farm: Farm,
    clock: SystemClock,
}

impl StateServerStore {
    /// The store that `[store]` of the configuration describes: its `url` and its options, which
    /// may stand in the query of the URL as well. Nothing is connected yet.
    ///
    /// | url | |
    /// |---|---|
    /// | `state-server://host:42424,host2` | one server or several, each with a part of the sessions; without a port it is 42424 |
    /// | `state-server+unix:///run/state.sock` | a Unix socket |
    /// | `tcpip=host:42424` | as ASP.NET writes it |
    ///
    /// The options are those of [`StateServerStoreBuilder`], with `token_file` for the token and
    /// these for TLS (feature `tls`, on by default). Names in the query may have `-` for `_`.
    ///
    /// | option | |
    /// |---|---|
    /// | `tls` | `system`: the server's certificate is of an authority that the system trusts; or the absolute path of a PEM file with its authority |
    /// | `tls_server_name` | the name in the certificate, if it is not that in the URL |
    /// | `tls_client_cert`, `tls_client_key` | PEM files that show who we are, where the server demands it |
    ///
    /// A token goes to other machines over TLS only; `insecure_token_over_plain_tcp = true` lets
    /// everybody read it who can read the network. On loopback and on a Unix socket nothing is
    /// demanded.
    ///
    /// # Errors
    /// A setting is wrong, and the error names it and says what to write; or there is no tokio
    /// runtime.
    pub fn connect(config: &StoreConfig) -> Result<Self, ConfigError> {
        StateServerStoreBuilder::read(config).map(StateServerStoreBuilder::build)
    }

    /// The store at `url`, with settings to change before it is built. The URL is that of
    /// [`connect`](Self::connect), and the connections will live on the current runtime.
    ///
    /// # Errors
    /// The URL or a setting in its query is wrong, or there is no tokio runtime.
    pub fn builder(url: &str) -> Result<StateServerStoreBuilder, ConfigError> {
        StateServerStoreBuilder::read(&StoreConfig::new(url))
    }

    pub(super) fn new(addresses: Vec<Address>, settings: Settings, runtime: &Handle) -> Self {
        Self {
            farm: Farm::new(addresses, settings, runtime),
            clock: SystemClock::default(),
        }
    }
}

impl StateServerStore {
    /// The sessions of a principal that are where they belong by the former list and not by the
    /// current one.
    async fn strays(&self, principal: &PrincipalKey) -> Result<Vec<StoreKey>, StoreError> {
        let mut strays = Vec::new();
        for (number, server) in self.farm.former() {
            let keys = listing::keys(server, principal).await?;
            let is_stray = |key: &StoreKey| self.farm.number(key.route()) != number;
            strays.extend(keys.into_iter().filter(is_stray));
        }
        Ok(strays)
    }
}

#[async_trait]
impl SessionStore for StateServerStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn endpoint(&self, route: Route) -> u16 {
        u16::try_from(self.farm.number(route)).unwrap_or(u16::MAX)
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        let answer = self.farm.ask_owner(&key, Verb::Write, |out| {
            request::create(out, &key, &record, lifetime);
        });
        answer.await?.create()
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        let load = |out: &mut Vec<u8>| request::load(out, &key);
        match self.farm.ask(&key, Verb::Get, load).await? {
            Asked::Answered(answer) => answer.load(),
            Asked::Held(_, loaded) => Ok(Load::Found(loaded)),
        }
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let asked = self.farm.ask(&key, Verb::Write, |out| {
            request::save(out, &key, base, &record, lifetime, lease);
        });
        match asked.await? {
            Asked::Answered(answer) => answer.save(),
            Asked::Held(..) => Ok(Save::Leased),
        }
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        let touch = |out: &mut Vec<u8>| request::touch(out, &key);
        match self.farm.ask(&key, Verb::Head, touch).await? {
            Asked::Answered(answer) => answer.touch(),
            Asked::Held(former, _) => former.ask(lane(&key), Verb::Head, touch).await?.touch(),
        }
    }

    async fn rename(
        self: Arc<Self>,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        if from.route() != to.route() {
            let message = "a session cannot be renamed to another route";
            return Err(StoreError::new(StoreErrorKind::Other, NAME, message));
        }
        let asked = self.farm.ask(&from, Verb::Write, |out| {
            request::rename(out, &from, &to, base, &record, lifetime, lease);
        });
        let Asked::Answered(answer) = asked.await? else {
            return Ok(Save::Leased);
        };
        let saved = answer.save()?;
        if let Save::Saved(_) = saved {
            self.farm.clean(&from).await;
        }
        Ok(saved)
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        self.farm.end(&key, reason).await
    }

    /// Asks at once first, with everybody else; who then has to wait does so on a connection of
    /// his own.
    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        let began = self.clock.monotonic();
        loop {
            let waited = self.clock.monotonic().saturating_sub(began);
            let left = wait.saturating_sub(waited);
            let at_once = |out: &mut Vec<u8>| request::acquire(out, &key, lease, None);
            match self.farm.ask(&key, Verb::Get, at_once).await? {
                Asked::Answered(answer) => {
                    let acquire = answer.acquire()?;
                    if acquire != Acquire::Busy || left.is_zero() {
                        return Ok(acquire);
                    }
                    break;
                }
                Asked::Held(former, _) => {
                    if left.is_zero() || !self.farm.wait_for(former, key, left).await? {
                        return Ok(Acquire::Busy);
                    }
                }
            }
        }
        let waited = self.clock.monotonic().saturating_sub(began);
        let server = self.farm.owner(&key);
        let answer = server.ask_and_wait(wait.saturating_sub(waited), move |out, left| {
            request::acquire(out, &key, lease, Some(left));
        });
        match answer.await? {
            Some(answer) => answer.acquire(),
            None => Ok(Acquire::Busy),
        }
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        let answer = self.farm.ask_owner(&key, Verb::Head, |out| {
            request::extend(out, &key, token, lease);
        });
        answer.await?.extend()
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        let release = |out: &mut Vec<u8>| request::release(out, &key, token);
        self.farm
            .ask_owner(&key, Verb::Write, release)
            .await?
            .release()
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        if after.is_none() {
            for key in self.strays(&principal).await? {
                self.farm.settle(&key).await?;
            }
        }
        listing::page(self.farm.servers(), principal, after).await
    }

    /// A renewed session stays on its server, so one server after the other is enough.
    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        let mut ended = 0;
        for key in self.strays(&principal).await? {
            if Some(key) != except && self.farm.end(&key, EndReason::Revoked).await? {
                ended += 1;
            }
        }
        for server in self.farm.servers() {
            let answer = server.ask(0, Verb::Write, |out| {
                request::delete_all(out, &principal, except.as_ref());
            });
            ended += answer.await?.delete_all()?;
        }
        Ok(ended)
    }

    /// Servers expire by themselves.
    async fn sweep(self: Arc<Self>, _limit: usize) -> Result<Vec<Swept>, StoreError> {
        Ok(Vec::new())
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        control::read(&self.farm, &name).await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        control::write(&self.farm, &name, expected, &value).await
    }

    /// Asks every server; the latency is that of all of them.
    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        let began = self.clock.monotonic();
        let mut store_time = None;
        for server in self.farm.servers() {
            let answer = server.ask(0, Verb::Get, request::ping).await?;
            store_time = Some(answer.ping()?);
        }
        Ok(Ping {
            latency: self.clock.monotonic().saturating_sub(began),
            role: Role::Primary,
            store_time: store_time.unwrap_or_default(),
        })
    }
}
