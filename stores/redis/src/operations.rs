//! The operations of the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Acquire, Clock, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load,
    MetaRow, MetaSet, Page, Ping, PrincipalKey, Record, Revision, Role, Route, Save, Scope,
    SessionStore, StoreError, StoreKey, Swept, SystemClock, Touch,
};

use crate::NAME;
use crate::call::Call;
use crate::fleet::Kind;
use crate::keys::slot_of;
use crate::reply::{Found, Reply, foreign, found, time};
use crate::script;
use crate::store::RedisStore;
use crate::value::timestamp;
use crate::write::Write;

#[async_trait]
impl SessionStore for RedisStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn endpoint(&self, route: Route) -> u16 {
        self.fleet.number(slot_of(route))
    }

    async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        self.add(&key, Write::new(&record, lifetime)).await
    }

    /// The value says when it expires, so one `GET` reads a session as it was at one moment. The
    /// time is asked after it: a session that expires in between is absent.
    async fn load(self: Arc<Self>, key: StoreKey) -> Result<Load, StoreError> {
        let name = self.keys.session(&key);
        let answers = self.fleet.ask(name.slot, Kind::Repeatable, |_| {
            let mut get = redis::cmd("GET");
            get.arg(&name.bytes);
            Call::several([get, redis::cmd("TIME")])
        });
        Ok(match found(answers.await?)? {
            Found::Absent => Load::Absent,
            Found::Ended(reason) => Load::Ended(reason),
            Found::Live(now, live) => Load::Found(live.loaded(now)),
        })
    }

    async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let write = Write::new(&record, lifetime).based_on(base, lease);
        self.replace(&key, write).await
    }

    async fn touch(self: Arc<Self>, key: StoreKey) -> Result<Touch, StoreError> {
        let name = self.keys.session(&key);
        let answers = self.fleet.ask(name.slot, Kind::Repeatable, |form| {
            script::TOUCH.command(form, &[&name.bytes]).into()
        });
        match Reply::read(answers.await?)? {
            Reply::Done(_) => Ok(Touch::Touched),
            Reply::Missing | Reply::Ended(_) => Ok(Touch::Missing),
            _ => Err(foreign()),
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
        let write = Write::new(&record, lifetime).based_on(base, lease);
        self.renew(&from, &to, write).await
    }

    async fn delete(self: Arc<Self>, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        match self.end(&key, reason, None).await? {
            Reply::Done(principal) => {
                if let Some(principal) = principal {
                    self.strike(&principal, key);
                }
                Ok(true)
            }
            Reply::Missing | Reply::Ended(_) => Ok(false),
            _ => Err(foreign()),
        }
    }

    async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        self.take_lease(key, lease, wait).await
    }

    async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        self.extend_lease(&key, token, lease).await
    }

    async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        self.change_lease(&key, token, 0).await
    }

    async fn list(
        self: Arc<Self>,
        principal: PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        self.page(&principal, after).await
    }

    async fn delete_all(
        self: Arc<Self>,
        principal: PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        self.end_all(&principal, except).await
    }

    /// The server expires sessions by itself.
    async fn sweep(self: Arc<Self>, _limit: usize) -> Result<Vec<Swept>, StoreError> {
        Ok(Vec::new())
    }

    async fn meta_get(self: Arc<Self>, name: String) -> Result<Option<MetaRow>, StoreError> {
        self.row(&name).await
    }

    async fn meta_compare_and_set(
        self: Arc<Self>,
        name: String,
        expected: Option<Revision>,
        value: Bytes,
    ) -> Result<MetaSet, StoreError> {
        self.write_row(&name, expected, &value).await
    }

    /// Asks every server; the latency is that of all of them. Connections are made to primaries
    /// only, so one that answers takes writes.
    async fn ping(self: Arc<Self>) -> Result<Ping, StoreError> {
        let clock = SystemClock::default();
        let began = clock.monotonic();
        let mut now = 0;
        for slot in self.fleet.every_slot().await? {
            let answers = self
                .fleet
                .ask(slot, Kind::Repeatable, |_| redis::cmd("TIME").into());
            let answers = answers.await?;
            now = answers.first().and_then(time).ok_or_else(foreign)?;
        }
        Ok(Ping {
            latency: clock.monotonic().saturating_sub(began),
            role: Role::Primary,
            store_time: timestamp(now),
        })
    }
}
