//! What a request knows of its session, and what it did to it.

use std::time::Duration;

use bytes::Bytes;

use super::Engine;
use super::lease::HeldLease;
use super::plan::{Intent, Plan, Situation, Visitor};
use super::sealing::Binding;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::cookie::{CookieConfig, MaxAge};
use crate::error::SessionError;
use crate::id::{PrincipalKey, SessionId, StoreKey};
use crate::record::{Lifetime, Loaded, Record, Revision};
use crate::values::{MAX_AGE, Map, PRINCIPAL, Values, decode};

/// Where a token came from, and where the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Cookie,
    Header,
}

/// A session as this request sees it.
pub(crate) struct SessionState {
    pub(super) visitor: Visitor,
    pub(super) via: Via,
    /// The stored session; `None` for a visitor who has none.
    pub(crate) live: Option<Live>,
    pub(crate) values: Values,
    pub(crate) labels: Labels,
    pub(crate) intent: Intent,
    /// A new idle timeout, if the handler set one.
    pub(crate) idle: Option<Duration>,
    /// A shorter absolute timeout, if the handler set one, from the moment of the commit.
    pub(crate) absolute: Option<Duration>,
    /// The live sessions that make the request ambiguous.
    pub(super) ambiguous: Vec<StoreKey>,
    pub(super) lease: Option<HeldLease>,
}

/// A session that is in the store.
pub(crate) struct Live {
    pub(super) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) loaded: Loaded,
    /// The monotonic time at which it was loaded.
    pub(super) loaded_at: Duration,
    /// Whether the token was signed by a key that is not the sealing one now.
    pub(super) resign: bool,
}

/// The labels: opened when somebody asks for them.
#[derive(Default)]
pub(crate) struct Labels {
    opened: Option<Values>,
}

impl SessionState {
    /// The state of a visitor without a session.
    pub(super) fn without_session(visitor: Visitor, via: Via) -> Box<Self> {
        Box::new(Self {
            visitor,
            via,
            live: None,
            values: Values::default(),
            labels: Labels::default(),
            intent: Intent::Keep,
            idle: None,
            absolute: None,
            ambiguous: Vec::new(),
            lease: None,
        })
    }

    /// The state of the bearer of a live session.
    pub(super) fn with_session(live: Live, values: Map, via: Via) -> Box<Self> {
        let mut state = Self::without_session(Visitor::Known, via);
        state.live = Some(live);
        state.values = Values::new(values);
        state
    }

    /// The same session without what was done to it since it was loaded, and without a lease.
    pub(super) fn as_loaded(&self) -> Box<Self> {
        let mut state = Self::without_session(self.visitor, self.via);
        state.live = self.live.as_ref().map(Live::again);
        state.values = Values::new(self.values.base().clone());
        state
    }

    /// What a commit would have to do now.
    pub(super) fn plan(&self, engine: &Engine) -> Plan {
        Plan::of(&self.situation(engine))
    }

    fn situation(&self, engine: &Engine) -> Situation {
        let retimed = self.idle.is_some() || self.absolute.is_some();
        let left = |live: &Live| {
            let now = engine.monotonic();
            (live.time_left(now), live.absolute_left(now))
        };
        let (time_left, absolute_left) = self.live.as_ref().map(left).unwrap_or_default();
        let goes_on = self.live.is_some() && self.intent != Intent::Destroy;
        Situation {
            visitor: self.visitor,
            intent: self.intent,
            changed: self.is_written() || retimed && goes_on,
            holds_lease: self.lease.is_some(),
            idle: self.idle_timeout(engine),
            time_left,
            absolute_left,
        }
    }

    /// Whether the values or the labels differ from what was loaded.
    pub(super) fn is_written(&self) -> bool {
        self.values.is_changed() || self.labels.is_changed()
    }

    /// Whether this request has done something to the session.
    pub(super) fn has_changes(&self) -> bool {
        let retimed = self.idle.is_some() || self.absolute.is_some();
        self.is_written() || retimed || self.intent != Intent::Keep
    }

    /// The idle timeout in force after this request.
    fn idle_timeout(&self, engine: &Engine) -> Duration {
        let stored = self.live.as_ref().map(|live| live.loaded.idle);
        let configured = engine.config().idle_timeout();
        self.idle.or(stored).unwrap_or(configured)
    }

    /// The absolute deadline after this request, and the store's time that it is reckoned from.
    fn deadline(&self, engine: &Engine) -> (Timestamp, Timestamp) {
        let now = self.live.as_ref().map_or_else(
            || engine.store_now(),
            |live| live.store_now(engine.monotonic()),
        );
        let fresh = now.saturating_add(engine.config().absolute_timeout());
        let kept = match &self.live {
            Some(live) if self.intent != Intent::LogIn => live.loaded.record.deadline,
            _ => fresh,
        };
        let asked = self.absolute.map(|absolute| now.saturating_add(absolute));
        (asked.map_or(kept, |asked| asked.min(kept)), now)
    }

    pub(crate) fn principal(&self) -> Option<String> {
        decode(&self.values.get(PRINCIPAL)?).ok()
    }

    fn principal_key(&self, engine: &Engine) -> Option<PrincipalKey> {
        match (&self.live, self.intent) {
            (Some(live), Intent::Keep | Intent::Renew) => live.loaded.record.principal,
            _ => Some(PrincipalKey::derive(
                engine.config().app(),
                &self.principal()?,
            )),
        }
    }

    /// The Max-Age of this session's cookie: what the handler chose, or else what is
    /// configured. None for a cookie that the browser forgets when it is closed.
    pub(super) fn max_age(&self, engine: &Engine) -> Option<MaxAge> {
        let chosen = self.values.get(MAX_AGE);
        let chosen = chosen.and_then(|encoded| decode::<Option<u64>>(&encoded).ok());
        let cookie = engine.config().transports().cookie();
        let configured = || cookie.and_then(CookieConfig::default_max_age);
        let longest = chosen.map_or_else(configured, |seconds| {
            MaxAge::new(Duration::from_secs(seconds?))
        })?;
        let (deadline, now) = self.deadline(engine);
        let left = MaxAge::new(deadline.since(now));
        Some(left.map_or(longest, |left| left.min(longest)))
    }

    /// Whether the client has to get its token again for the cookie to live as long as it shall.
    pub(super) fn retimes_token(&self, engine: &Engine) -> bool {
        self.values.changes(MAX_AGE) || self.max_age(engine).is_some()
    }

    /// The record as it shall be stored under `key` at `revision`, and how long it has to live.
    pub(super) fn draft(
        &self,
        engine: &Engine,
        id: &SessionId,
        key: &StoreKey,
        revision: Revision,
    ) -> Result<(Record, Lifetime), SessionError> {
        let (deadline, now) = self.deadline(engine);
        let created = self.live.as_ref().map(|live| live.loaded.record.created);
        let mut record = Record {
            payload: Bytes::new(),
            labels: Bytes::new(),
            principal: self.principal_key(engine),
            created: created.unwrap_or(now),
            deadline,
        };
        let lifetime = Lifetime {
            idle: self.idle_timeout(engine),
            absolute: deadline.since(now),
        };
        let binding = Binding::of(key, &record);
        let labels = self.labels.record(engine, self.live.as_ref(), binding)?;
        let payload = engine.seal_payload(id, binding, revision, self.values.encode())?;
        record.payload = payload;
        record.labels = labels;
        Ok((record, lifetime))
    }

    /// Marks the session to be ended. What is written afterwards begins a new one.
    pub(crate) fn destroy(&mut self) {
        self.intent = Intent::Destroy;
        self.values = Values::default();
        self.labels = Labels::ended();
        self.idle = None;
        self.absolute = None;
    }

    /// Makes what was saved the base of further changes.
    pub(super) fn settle(&mut self) -> Result<(), Cause> {
        let map = Map::parse(self.values.encode().into()).map_err(|_| Cause::Undecodable)?;
        self.values = Values::new(map);
        self.labels = Labels::default();
        self.visitor = Visitor::Known;
        self.intent = Intent::Keep;
        self.idle = None;
        self.absolute = None;
        Ok(())
    }

    /// Puts what somebody else saved under the changes of this request.
    pub(super) fn rebase(
        &mut self,
        engine: &Engine,
        current: Loaded,
    ) -> Result<usize, SessionError> {
        let Some(live) = &mut self.live else {
            return Ok(0);
        };
        let binding = Binding::of(&live.key, &current.record);
        let newer = engine
            .open_payload(&live.id, binding, current.revision, &current.record.payload)
            .map_err(|cause| engine.corrupt(&live.key, cause))?;
        let merged = self.values.merge(newer);
        let merged = merged.map_err(|conflict| SessionError::conflict(&conflict.key))?;
        if let Some(labels) = &mut self.labels.opened {
            let newer = engine
                .open_labels(binding, &current.record.labels)
                .map_err(|cause| engine.corrupt(&live.key, cause))?;
            let merged = labels.merge(newer);
            merged.map_err(|conflict| SessionError::conflict(&conflict.key))?;
        }
        live.loaded = current;
        live.loaded_at = engine.monotonic();
        Ok(merged.overwritten)
    }
}

impl Live {
    /// A session that this request has just made.
    pub(super) fn created(
        engine: &Engine,
        id: SessionId,
        key: StoreKey,
        record: Record,
        revision: Revision,
        lifetime: Lifetime,
    ) -> Self {
        Self {
            id,
            key,
            loaded: Loaded::fresh(record, revision, lifetime, engine.store_now()),
            loaded_at: engine.monotonic(),
            resign: false,
        }
    }

    fn again(&self) -> Self {
        Self {
            id: SessionId::from_bytes(*self.id.as_bytes()),
            key: self.key,
            loaded: self.loaded.clone(),
            loaded_at: self.loaded_at,
            resign: self.resign,
        }
    }

    /// Notes that the session was touched.
    pub(super) fn extended(&mut self, engine: &Engine) {
        let now = engine.monotonic();
        self.loaded.store_time = self.store_now(now);
        self.loaded_at = now;
        self.loaded.time_left = self.loaded.idle.min(self.absolute_left(now));
    }

    /// Time until the record expires if nobody touches it.
    pub(crate) fn time_left(&self, now: Duration) -> Duration {
        self.loaded.time_left.saturating_sub(self.elapsed(now))
    }

    /// The store's time, reckoned from its answer.
    pub(crate) fn store_now(&self, now: Duration) -> Timestamp {
        self.loaded.store_time.saturating_add(self.elapsed(now))
    }

    pub(crate) fn absolute_left(&self, now: Duration) -> Duration {
        self.loaded.record.deadline.since(self.store_now(now))
    }

    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.loaded_at)
    }
}

impl Labels {
    /// The labels of a session that is to begin anew.
    fn ended() -> Self {
        let opened = Some(Values::default());
        Self { opened }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.opened.as_ref().is_some_and(Values::is_changed)
    }

    /// The labels as this request sees them.
    pub(crate) fn open(
        &mut self,
        engine: &Engine,
        live: Option<&Live>,
    ) -> Result<&mut Values, SessionError> {
        let values = match self.opened.take() {
            Some(values) => values,
            None => match live {
                Some(live) => Values::new(stored_labels(engine, live)?),
                None => Values::default(),
            },
        };
        Ok(self.opened.insert(values))
    }

    /// The labels as they shall be stored. Those that nobody looked at are kept as they are,
    /// sealed anew only if what they are bound to changes.
    fn record(
        &self,
        engine: &Engine,
        live: Option<&Live>,
        binding: Binding<'_>,
    ) -> Result<Bytes, SessionError> {
        let encoded = match (&self.opened, live) {
            (Some(labels), _) => labels.encode(),
            (None, Some(live)) => {
                let record = &live.loaded.record;
                let kept =
                    *binding.key == live.key && binding.deadline == record.deadline.as_millis();
                if kept || record.labels.is_empty() {
                    return Ok(record.labels.clone());
                }
                Values::new(stored_labels(engine, live)?).encode()
            }
            (None, None) => return Ok(Bytes::new()),
        };
        engine.seal_labels(binding, encoded)
    }
}

fn stored_labels(engine: &Engine, live: &Live) -> Result<Map, SessionError> {
    let record = &live.loaded.record;
    engine
        .open_labels(Binding::of(&live.key, record), &record.labels)
        .map_err(|cause: Cause| engine.corrupt(&live.key, cause))
}
