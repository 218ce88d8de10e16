//! The operations of a store, on a foreign server.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Acquire, Clock, Create, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load, Ping, Record,
    Revision, Role, Save, StoreError, StoreErrorKind, StoreKey, Timestamp, Touch,
};
use tokio::time::sleep;

use super::kept::{Kept, Live};
use super::{Pause, Plain, State, judge, request, tombstone};
use crate::client::{NAME, jitter};

impl Plain {
    pub(in crate::client) async fn create(
        self: Arc<Self>,
        key: StoreKey,
        record: Record,
        lifetime: Lifetime,
    ) -> Result<Create, StoreError> {
        let live = fresh(record, lifetime, self.now());
        let this = Arc::clone(&self);
        let inserted = self.whole(async move { this.insert(key, live).await });
        Ok(match inserted.await? {
            true => Create::Created(Revision::FIRST),
            false => Create::AlreadyExists,
        })
    }

    pub(in crate::client) async fn load(&self, key: StoreKey) -> Result<Load, StoreError> {
        let Some(kept) = self.read(key).await? else {
            return Ok(Load::Absent);
        };
        let now = self.now();
        Ok(match judge(kept, now) {
            State::Absent => Load::Absent,
            State::Ended(reason) => Load::Ended(reason),
            State::Live(live) => Load::Found(live.loaded(now)),
        })
    }

    pub(in crate::client) async fn save(
        self: Arc<Self>,
        key: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let this = Arc::clone(&self);
        let save = move |state, now| {
            let live = match writable(state, base, lease, now) {
                Ok(live) => live,
                Err(save) => return (*save, None),
            };
            let saved = saved(live, record, lifetime, lease, now);
            (Save::Saved(saved.revision), Some(Kept::Live(saved)))
        };
        self.whole(async move { this.change(key, save).await })
            .await
    }

    pub(in crate::client) async fn touch(
        self: Arc<Self>,
        key: StoreKey,
    ) -> Result<Touch, StoreError> {
        let this = Arc::clone(&self);
        let touch = |state, now: Timestamp| match state {
            State::Live(mut live) => {
                let slid = now.saturating_add(live.idle).min(live.deadline);
                live.expires = live.expires.max(slid);
                (Touch::Touched, Some(Kept::Live(live)))
            }
            State::Absent | State::Ended(_) => (Touch::Missing, None),
        };
        self.whole(async move { this.change(key, touch).await })
            .await
    }

    /// The lock of `from` is held until the session is under `to`, so nobody sees it twice. If
    /// this process dies in between, the copy under `to`, a key that nobody was told, expires.
    pub(in crate::client) async fn rename(
        self: Arc<Self>,
        from: StoreKey,
        to: StoreKey,
        base: Revision,
        record: Record,
        lifetime: Lifetime,
        lease: LeaseUse,
    ) -> Result<Save, StoreError> {
        let this = Arc::clone(&self);
        let rename = async move {
            let Some(locked) = this.lock(from).await? else {
                return Ok(Save::Missing);
            };
            let now = this.now();
            let live = match writable(judge(locked.kept.clone(), now), base, lease, now) {
                Ok(live) => live,
                Err(save) => {
                    this.unlock(from, locked.cookie).await?;
                    return Ok(*save);
                }
            };
            let mut renamed = fresh(record, lifetime, now);
            (renamed.revision, renamed.token) = (base.next(), live.token);
            if !this.insert(to, renamed).await? {
                this.unlock(from, locked.cookie).await?;
                let message = "the key that the session is to be renamed to is taken";
                return Err(StoreError::new(StoreErrorKind::Other, NAME, message));
            }
            let ended = tombstone(EndReason::Renewed, now);
            if let Err(error) = this.replace(from, &locked, &ended).await {
                this.end(to, EndReason::Destroyed).await?;
                return Err(error);
            }
            Ok(Save::Saved(base.next()))
        };
        self.whole(rename).await
    }

    pub(in crate::client) async fn delete(
        self: Arc<Self>,
        key: StoreKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let this = Arc::clone(&self);
        self.whole(async move { this.end(key, reason).await }).await
    }

    async fn end(&self, key: StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        self.change(key, |state, now| match state {
            State::Live(_) => (true, Some(tombstone(reason, now))),
            State::Absent | State::Ended(_) => (false, None),
        })
        .await
    }

    pub(in crate::client) async fn acquire(
        self: Arc<Self>,
        key: StoreKey,
        lease: Duration,
        wait: Duration,
    ) -> Result<Acquire, StoreError> {
        let began = self.clock.monotonic();
        let mut pause = Pause(5);
        loop {
            let this = Arc::clone(&self);
            let attempt = self.whole(async move { this.try_acquire(key, lease).await });
            let acquire = attempt.await?;
            let waited = self.clock.monotonic().saturating_sub(began);
            if acquire != Acquire::Busy || waited >= wait {
                return Ok(acquire);
            }
            sleep(pause.next().min(wait - waited)).await;
        }
    }

    async fn try_acquire(&self, key: StoreKey, lease: Duration) -> Result<Acquire, StoreError> {
        self.change(key, |state, now| match state {
            State::Absent => (Acquire::Absent, None),
            State::Ended(reason) => (Acquire::Ended(reason), None),
            State::Live(live) if live.leased_until > now => (Acquire::Busy, None),
            State::Live(mut live) => {
                live.token += 1;
                live.leased_until = now.saturating_add(lease);
                let token = LeaseToken::new(live.token);
                let acquired = Acquire::Acquired(token, live.loaded(now));
                (acquired, Some(Kept::Live(live)))
            }
        })
        .await
    }

    pub(in crate::client) async fn extend(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        lease: Duration,
    ) -> Result<Extend, StoreError> {
        let until = move |now: Timestamp| now.saturating_add(lease);
        Ok(match self.hold_until(key, token, until).await? {
            true => Extend::Extended,
            false => Extend::Lost,
        })
    }

    pub(in crate::client) async fn release(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
    ) -> Result<bool, StoreError> {
        self.hold_until(key, token, |now| now).await
    }

    /// Moves the end of a lease; `false` if it is not the token's.
    async fn hold_until(
        self: Arc<Self>,
        key: StoreKey,
        token: LeaseToken,
        until: impl Fn(Timestamp) -> Timestamp + Send + 'static,
    ) -> Result<bool, StoreError> {
        let this = Arc::clone(&self);
        let hold = move |state, now| match state {
            State::Live(mut live) if holds(&live, token, now) => {
                live.leased_until = until(now);
                (true, Some(Kept::Live(live)))
            }
            _ => (false, None),
        };
        self.whole(async move { this.change(key, hold).await })
            .await
    }

    pub(in crate::client) async fn ping(&self) -> Result<Ping, StoreError> {
        let began = self.clock.monotonic();
        for number in 0..self.servers.len() {
            let answer = self.ask_number(number, false, request::ping).await?;
            if !matches!(answer.reply.status, 200 | 404 | 423) {
                return Err(answer.unexpected("GET"));
            }
        }
        Ok(Ping {
            latency: self.clock.monotonic().saturating_sub(began),
            role: Role::Primary,
            store_time: self.now(),
        })
    }
}

/// A new session at its first revision.
fn fresh(record: Record, lifetime: Lifetime, now: Timestamp) -> Live {
    let deadline = now.saturating_add(lifetime.absolute);
    Live {
        creator: jitter(),
        revision: Revision::FIRST,
        token: 0,
        leased_until: now,
        idle: lifetime.idle,
        expires: now.saturating_add(lifetime.idle).min(deadline),
        deadline,
        record,
    }
}

/// The session, if it may be written to; otherwise what comes of the write.
fn writable(
    state: State,
    base: Revision,
    lease: LeaseUse,
    now: Timestamp,
) -> Result<Live, Box<Save>> {
    let live = match state {
        State::Absent => return Err(Save::Missing.into()),
        State::Ended(reason) => return Err(Save::Ended(reason).into()),
        State::Live(live) => live,
    };
    let may_write = match lease.token() {
        Some(token) => holds(&live, token, now),
        None => live.leased_until <= now,
    };
    if !may_write {
        return Err(Save::Leased.into());
    }
    match live.revision == base {
        true => Ok(live),
        false => Err(Save::Stale(live.loaded(now)).into()),
    }
}

fn holds(live: &Live, token: LeaseToken, now: Timestamp) -> bool {
    live.token == token.get() && live.leased_until > now
}

fn saved(live: Live, record: Record, lifetime: Lifetime, lease: LeaseUse, now: Timestamp) -> Live {
    let deadline = now.saturating_add(lifetime.absolute).min(live.deadline);
    Live {
        revision: live.revision.next(),
        leased_until: match lease {
            LeaseUse::Hold(_) => live.leased_until,
            LeaseUse::None | LeaseUse::Release(_) => now,
        },
        idle: lifetime.idle,
        expires: now.saturating_add(lifetime.idle).min(deadline),
        deadline,
        record,
        ..live
    }
}
