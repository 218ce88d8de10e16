//! [`Plain`]: sessions on servers that speak the published protocol and nothing else.
//!
//! Such a server keeps bytes under a key, for some minutes, and locks them. Every write is
//! therefore: lock, look at the bytes ([`Kept`]), write the new ones, which unlocks. Revisions,
//! leases, expiry and tombstones are in the bytes. What this cannot give:
//!
//! - a reader waits while a write is under way, because a locked item cannot be read;
//! - times are those of our clocks, which have to agree;
//! - a lock has no end there. One whose holder has died is broken after a few seconds, and a
//!   holder that was only paused, for longer than that, between its check and its write, may
//!   overwrite what came meanwhile. A holder that notices gives up;
//! - waiters for a lease ask again and again, and are not served in order;
//! - there is no index and there are no control rows.

mod kept;
mod operations;
mod request;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    Clock, EndReason, Route, StoreError, StoreErrorKind, StoreKey, SystemClock, TOMBSTONE,
    Timestamp,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;

use self::kept::{Kept, Live};
use super::address::Address;
use super::dial::Dialer;
use super::outcome::Answer;
use super::partition::Partition;
use super::roster::Roster;
use super::settings::Settings;
use super::waiting::WaitingRoom;
use super::{NAME, jitter};

/// Sessions on foreign servers.
#[derive(Debug)]
pub(super) struct Plain {
    servers: Vec<(Address, WaitingRoom)>,
    partition: Partition,
    timeout: Duration,
    clock: SystemClock,
    runtime: Handle,
}

/// What is under a key.
#[derive(Debug)]
enum State {
    Absent,
    Ended(EndReason),
    Live(Live),
}

/// An item that we have locked.
#[derive(Debug)]
struct Locked {
    cookie: u64,
    kept: Kept,
    /// Before we asked for the lock.
    since: Duration,
}

/// Longer and longer waits, a part of each random.
#[derive(Debug)]
struct Pause(u64);

impl Plain {
    pub(super) fn new(addresses: Vec<Address>, settings: Settings, runtime: &Handle) -> Self {
        let partition = Partition::new(&addresses);
        let roster = Arc::new(Roster::new(&addresses, &[]));
        let settings = Arc::new(settings);
        let server = |address: Address| {
            let (settings, roster) = (Arc::clone(&settings), Arc::clone(&roster));
            let dialer = Dialer::new(address.clone(), settings, roster);
            (address, WaitingRoom::new(dialer, runtime))
        };
        Self {
            servers: addresses.into_iter().map(server).collect(),
            partition,
            timeout: settings.operation_timeout,
            clock: SystemClock::default(),
            runtime: runtime.clone(),
        }
    }

    pub(super) fn number(&self, route: Route) -> usize {
        self.partition.of(route.as_bytes())
    }

    /// Carries `work` out to its end, whether or not somebody still waits for it.
    async fn whole<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, outcome) = oneshot::channel();
        self.runtime.spawn(async move {
            // A caller that is gone does not mind.
            let _ = done.send(work.await);
        });
        outcome.await.unwrap_or_else(|_| {
            let message = "the runtime that the store was built on has ended";
            Err(StoreError::new(StoreErrorKind::Unavailable, NAME, message))
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How old a lock is whose holder must have died, in seconds: he would have given up.
    fn longest_lock(&self) -> u64 {
        self.timeout.as_secs() + 2
    }

    async fn ask(
        &self,
        key: &StoreKey,
        is_write: bool,
        write: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    ) -> Result<Answer<'_>, StoreError> {
        self.ask_number(self.number(key.route()), is_write, write)
            .await
    }

    async fn ask_number(
        &self,
        number: usize,
        is_write: bool,
        write: impl Fn(&mut Vec<u8>) + Send + Sync + 'static,
    ) -> Result<Answer<'_>, StoreError> {
        let (address, room) = &self.servers[number];
        let write = move |out: &mut Vec<u8>, _| write(out);
        let reply = match is_write {
            true => room.ask_once(self.timeout, write).await?,
            false => room.ask(self.timeout, write).await?,
        };
        let busy = || {
            let message =
                format!("{address}: no connection is free; look at store.waiting_connections");
            StoreError::new(StoreErrorKind::TimedOut, NAME, message)
        };
        Ok(Answer {
            server: address,
            reply: reply.ok_or_else(busy)?,
        })
    }

    /// Locks the item under `key`; none if there is none.
    async fn lock(&self, key: StoreKey) -> Result<Option<Locked>, StoreError> {
        let began = self.clock.monotonic();
        let mut pause = Pause(5);
        loop {
            let since = self.clock.monotonic();
            let answer = self
                .ask(&key, true, move |out| request::lock(out, &key))
                .await?;
            match (answer.reply.status, answer.reply.lock_cookie) {
                (200, Some(cookie)) => return self.locked(key, answer, cookie, since).await,
                (404, _) => return Ok(None),
                (423, _) => self.wait(key, &answer, began, &mut pause).await?,
                _ => return Err(answer.unexpected("GET to acquire")),
            }
        }
    }

    async fn locked(
        &self,
        key: StoreKey,
        answer: Answer<'_>,
        cookie: u64,
        since: Duration,
    ) -> Result<Option<Locked>, StoreError> {
        match Kept::decode(answer.reply.body.clone()) {
            Some(kept) => Ok(Some(Locked {
                cookie,
                kept,
                since,
            })),
            None => {
                self.unlock(key, cookie).await?;
                Err(answer.corrupt("an item that is not in our format"))
            }
        }
    }

    /// Waits a little for the lock that `answer` tells of, and breaks one that is too old.
    async fn wait(
        &self,
        key: StoreKey,
        answer: &Answer<'_>,
        began: Duration,
        pause: &mut Pause,
    ) -> Result<(), StoreError> {
        let reply = &answer.reply;
        if let (Some(cookie), Some(age)) = (reply.lock_cookie, reply.lock_age)
            && age >= self.longest_lock()
        {
            tracing::warn!(age, "a lock was left behind; it is broken");
            return self.unlock(key, cookie).await;
        }
        let waited = self.clock.monotonic().saturating_sub(began);
        if waited >= self.timeout {
            let problem = "another process is writing the session; look at store.operation_timeout";
            return Err(answer.error(StoreErrorKind::TimedOut, problem));
        }
        sleep(pause.next()).await;
        Ok(())
    }

    async fn unlock(&self, key: StoreKey, cookie: u64) -> Result<(), StoreError> {
        let answer = self
            .ask(&key, true, move |out| request::unlock(out, &key, cookie))
            .await?;
        match answer.reply.status {
            // Somebody else has it, or it is gone: it is not ours any more.
            200 | 404 | 423 => Ok(()),
            _ => Err(answer.unexpected("GET to release")),
        }
    }

    /// Writes what is to be under the key that we have locked, and unlocks it.
    async fn replace(&self, key: StoreKey, locked: &Locked, kept: &Kept) -> Result<(), StoreError> {
        let held = self.clock.monotonic().saturating_sub(locked.since);
        if held >= self.timeout {
            self.unlock(key, locked.cookie).await?;
            let message = "a lock was held for so long that others may have broken it";
            return Err(StoreError::new(StoreErrorKind::TimedOut, NAME, message));
        }
        let (cookie, keep) = (locked.cookie, kept.time_left(self.now()));
        let body = Bytes::from(kept.encode());
        let write = move |out: &mut Vec<u8>| request::replace(out, &key, cookie, keep, &body);
        let answer = self.ask(&key, true, write).await?;
        match answer.reply.status {
            200 | 201 => Ok(()),
            423 => Err(answer.error(StoreErrorKind::TimedOut, "the lock was broken by somebody")),
            _ => Err(answer.unexpected("PUT")),
        }
    }

    /// Decides what becomes of a session while nobody else can.
    async fn change<T>(
        &self,
        key: StoreKey,
        decide: impl FnOnce(State, Timestamp) -> (T, Option<Kept>),
    ) -> Result<T, StoreError> {
        let Some(locked) = self.lock(key).await? else {
            return Ok(decide(State::Absent, self.now()).0);
        };
        let now = self.now();
        let (outcome, kept) = decide(judge(locked.kept.clone(), now), now);
        match kept {
            Some(kept) => self.replace(key, &locked, &kept).await?,
            None => self.unlock(key, locked.cookie).await?,
        }
        Ok(outcome)
    }

    /// What is under a key, without a lock; waits while somebody has one.
    async fn read(&self, key: StoreKey) -> Result<Option<Kept>, StoreError> {
        let began = self.clock.monotonic();
        let mut pause = Pause(5);
        loop {
            let answer = self
                .ask(&key, false, move |out| request::read(out, &key))
                .await?;
            match answer.reply.status {
                200 => {
                    let kept = Kept::decode(answer.reply.body.clone());
                    let foreign = || answer.corrupt("an item that is not in our format");
                    return kept.ok_or_else(foreign).map(Some);
                }
                404 => return Ok(None),
                423 => self.wait(key, &answer, began, &mut pause).await?,
                _ => return Err(answer.unexpected("GET")),
            }
        }
    }

    /// Puts a new session under a key, unless it is taken. `false` if it is.
    async fn insert(&self, key: StoreKey, live: Live) -> Result<bool, StoreError> {
        let creator = live.creator;
        let kept = Kept::Live(live);
        let (keep, body) = (kept.time_left(self.now()), Bytes::from(kept.encode()));
        let write = move |out: &mut Vec<u8>| request::insert(out, &key, keep, &body);
        // The answer is the same if there was one, and repeating it changes nothing.
        let answer = self.ask(&key, false, write).await?;
        if !matches!(answer.reply.status, 200 | 201) {
            return Err(answer.unexpected("PUT"));
        }
        match self.read(key).await? {
            Some(Kept::Live(live)) if live.creator == creator => return Ok(true),
            _ => {}
        }
        // What is there may have expired.
        let now = self.now();
        self.change(key, |state, _| match (state, kept) {
            (State::Absent, kept) if kept.time_left(now) > Duration::ZERO => (true, Some(kept)),
            _ => (false, None),
        })
        .await
    }
}

/// What is under a key at this time.
fn judge(kept: Kept, now: Timestamp) -> State {
    match kept {
        Kept::Live(live) if live.expires > now => State::Live(live),
        Kept::Ended(reason, until) if until > now => State::Ended(reason),
        Kept::Live(_) | Kept::Ended(..) => State::Absent,
    }
}

/// What stays of a session that has ended.
fn tombstone(reason: EndReason, now: Timestamp) -> Kept {
    Kept::Ended(reason, now.saturating_add(TOMBSTONE))
}

impl Pause {
    fn next(&mut self) -> Duration {
        const LONGEST: u64 = 100;
        let whole = self.0;
        self.0 = (whole * 2).min(LONGEST);
        Duration::from_millis(whole / 2 + jitter() % (whole / 2 + 1))
    }
}

/// What a foreign server cannot do.
pub(super) fn unsupported(what: &str) -> StoreError {
    let message = format!("{what} need a session-state-server; protocol=ms-asp has none");
    StoreError::new(StoreErrorKind::Unsupported, NAME, message)
}
