//! The operations of the store on our own servers; those on foreign ones are in `plain`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Acquire, Clock, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Role, Route, Save, Scope,
    SessionStore, StoreError, StoreErrorKind, StoreKey, Swept, SystemClock, Touch,
};

use super::NAME;
use super::control;
use super::farm::{Asked, Farm, lane};
use super::listing;
use super::plain::unsupported;
use super::request;
use super::server::Verb;
use super::store::{Backend, StateServerStore};

#[async_trait]
impl SessionStore for StateServerStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn endpoint(&self, route: Route) -> u16 {
        let number = match &self.backend {
            Backend::Own(farm) => farm.number(route),
            Backend::Foreign(plain) => plain.number(route),
        };
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => {
                return Arc::clone(plain).create(key, record, lifetime).await;
            }
        };
        let answer = farm.ask_owner(&key, Verb::Write, |out| {
            request::create(out, &key, &record, lifetime);
        });
        answer.await?.create()
    }

    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return plain.load(key).await,
        };
        let load = |out: &mut Vec<u8>| request::load(out, &key);
        match farm.ask(&key, Verb::Get, load).await? {
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
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => {
                return Arc::clone(plain)
                    .save(key, base, record, lifetime, lease)
                    .await;
            }
        };
        let asked = farm.ask(&key, Verb::Write, |out| {
            request::save(out, &key, base, &record, lifetime, lease);
        });
        match asked.await? {
            Asked::Answered(answer) => answer.save(),
            Asked::Held(..) => Ok(Save::Leased),
        }
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return Arc::clone(plain).touch(key).await,
        };
        let touch = |out: &mut Vec<u8>| request::touch(out, &key);
        match farm.ask(&key, Verb::Head, touch).await? {
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
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => {
                return Arc::clone(plain)
                    .rename(from, to, base, record, lifetime, lease)
                    .await;
            }
        };
        let asked = farm.ask(&from, Verb::Write, |out| {
            request::rename(out, &from, &to, base, &record, lifetime, lease);
        });
        let Asked::Answered(answer) = asked.await? else {
            return Ok(Save::Leased);
        };
        let saved = answer.save()?;
        if let Save::Saved(_) = saved {
            farm.clean(&from).await;
        }
        Ok(saved)
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return Arc::clone(plain).delete(key, reason).await,
        };
        farm.end(&key, reason).await
    }

    /// Asks at once first, with everybody else; who then has to wait does so on a connection of
    /// his own.
    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return Arc::clone(plain).acquire(key, lease, wait).await,
        };
        let clock = SystemClock::default();
        let began = clock.monotonic();
        loop {
            let waited = clock.monotonic().saturating_sub(began);
            let left = wait.saturating_sub(waited);
            let at_once = |out: &mut Vec<u8>| request::acquire(out, &key, lease, None);
            match farm.ask(&key, Verb::Get, at_once).await? {
                Asked::Answered(answer) => {
                    let acquire = answer.acquire()?;
                    if acquire != Acquire::Busy || left.is_zero() {
                        return Ok(acquire);
                    }
                    break;
                }
                Asked::Held(former, _) => {
                    if left.is_zero() || !farm.wait_for(former, key, left).await? {
                        return Ok(Acquire::Busy);
                    }
                }
            }
        }
        let waited = clock.monotonic().saturating_sub(began);
        let server = farm.owner(&key);
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
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return Arc::clone(plain).extend(key, token, lease).await,
        };
        let answer = farm.ask_owner(&key, Verb::Head, |out| {
            request::extend(out, &key, token, lease);
        });
        answer.await?.extend()
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return Arc::clone(plain).release(key, token).await,
        };
        let release = |out: &mut Vec<u8>| request::release(out, &key, token);
        farm.ask_owner(&key, Verb::Write, release).await?.release()
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let Backend::Own(farm) = &self.backend else {
            return Err(unsupported("listings"));
        };
        let mut held = Vec::new();
        if after.is_none() {
            for key in strays(farm, &principal).await? {
                let loaded = farm.settle(&key).await?;
                held.extend(loaded.map(|loaded| listing::listed(key, loaded)));
            }
        }
        let page = listing::page(farm, principal, after, held).await?;
        farm.agree().await?;
        Ok(page)
    }

    /// A renewed session stays on its server, so one server after the other is enough.
    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        let Backend::Own(farm) = &self.backend else {
            return Err(unsupported("ends of all sessions of a principal"));
        };
        let mut ended = 0;
        for key in strays(farm, &principal).await? {
            if Some(key) != except && farm.end(&key, EndReason::Revoked).await? {
                ended += 1;
            }
        }
        for server in farm.servers() {
            let answer = server.ask(0, Verb::Write, |out| {
                request::delete_all(out, &principal, except.as_ref());
            });
            ended += answer.await?.delete_all()?;
        }
        farm.agree().await?;
        Ok(ended)
    }

    /// Servers expire by themselves.
    async fn sweep(self: Arc<Self>, _limit: usize) -> Result<Vec<Swept>, StoreError> {
        Ok(Vec::new())
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        let Backend::Own(farm) = &self.backend else {
            return Err(unsupported("control rows"));
        };
        control::read(farm, &name).await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        let Backend::Own(farm) = &self.backend else {
            return Err(unsupported("control rows"));
        };
        control::write(farm, &name, expected, &value).await
    }

    /// Asks every server; the latency is that of all of them.
    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        let farm = match &self.backend {
            Backend::Own(farm) => farm,
            Backend::Foreign(plain) => return plain.ping().await,
        };
        let clock = SystemClock::default();
        let began = clock.monotonic();
        let mut store_time = None;
        for server in farm.servers() {
            let answer = server.ask(0, Verb::Get, request::ping).await?;
            store_time = Some(answer.ping()?);
        }
        Ok(Ping {
            latency: clock.monotonic().saturating_sub(began),
            role: Role::Primary,
            store_time: store_time.unwrap_or_default(),
        })
    }
}

/// The sessions of a principal that are where they belong by the former list and not by the
/// current one.
async fn strays(farm: &Farm, principal: &PrincipalKey) -> Result<Vec<StoreKey>, StoreError> {
    let mut strays = Vec::new();
    for (number, server) in farm.former() {
        let keys = listing::keys(server, principal).await?;
        let is_stray = |key: &StoreKey| farm.number(key.route()) != number;
        strays.extend(keys.into_iter().filter(is_stray));
    }
    Ok(strays)
}
