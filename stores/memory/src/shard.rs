//! A part of the sessions, behind one lock.

use session_core::{LeaseToken, Listed, Load, PrincipalKey, StoreKey, Swept, Touch};

use crate::expiry::Expiry;
use crate::moment::{Moment, Tick};
use crate::session::Session;
use crate::table::{Table, hash};
use crate::tombstone::Tombstones;

/// The sessions of some routes. A session keeps its route for life, so a rename stays within
/// one shard.
#[derive(Default)]
pub(crate) struct Shard {
    pub(crate) sessions: Table,
    pub(crate) tombstones: Tombstones,
    pub(crate) expiry: Expiry,
    pub(crate) serial: Serial,
}

/// Numbers that only grow.
#[derive(Default)]
pub(crate) struct Serial(u64);

impl Serial {
    pub(crate) fn ticket(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    pub(crate) fn token(&mut self) -> LeaseToken {
        LeaseToken::new(self.ticket())
    }
}

impl Shard {
    /// How many due sessions a write looks at on the side: more than it can add, so the memory
    /// of expired sessions comes back without sweeps.
    const SIDE_STEPS: usize = 2;

    pub(crate) fn load(&self, moment: &Moment<'_>, key: &StoreKey) -> Load {
        match self.sessions.live(key, moment.now) {
            Some(session) => Load::Found(session.loaded(moment)),
            None => self.tombstones.reason(key, moment.now).into_load(),
        }
    }

    pub(crate) fn touch(&mut self, moment: &Moment<'_>, key: &StoreKey) -> Touch {
        self.tidy(moment);
        match self.sessions.live_mut(key, moment.now) {
            Some(session) => {
                session.touch(moment.now);
                Touch::Touched
            }
            None => Touch::Missing,
        }
    }

    pub(crate) fn listed(
        &self,
        moment: &Moment<'_>,
        key: &StoreKey,
        principal: PrincipalKey,
    ) -> Option<Listed> {
        let session = self.sessions.live(key, moment.now)?;
        let is_theirs = session.content.principal() == Some(principal);
        is_theirs.then(|| session.listed(moment.now))
    }

    /// Puts a session in its place; room for it has been made.
    pub(crate) fn insert(&mut self, moment: &Moment<'_>, mut session: Session) {
        let key = session.key;
        session.due = self.expiry.add(session.expires, hash(&key));
        let owner = session.content.principal().map(|owner| (owner, key));
        moment.index.change(None, owner);
        self.sessions.insert(session);
    }

    /// Takes a session out. The room that it took stays reserved.
    pub(crate) fn detach(&mut self, moment: &Moment<'_>, key: &StoreKey) -> Option<Session> {
        let session = self.sessions.remove(key)?;
        self.expiry.remove(session.due, hash(key));
        let owner = session.content.principal().map(|owner| (owner, *key));
        moment.index.change(owner, None);
        Some(session)
    }

    /// Takes a session out and gives its room back.
    pub(crate) fn remove(&mut self, moment: &Moment<'_>, key: &StoreKey) -> Option<Session> {
        let session = self.detach(moment, key)?;
        moment.budget.dismiss(session.content.cost());
        Some(session)
    }

    /// Removes the session under `key` if it has expired.
    pub(crate) fn clear_expired(&mut self, moment: &Moment<'_>, key: &StoreKey) {
        let session = self.sessions.get(key);
        if session.is_some_and(|session| !session.is_live(moment.now)) {
            self.remove(moment, key);
        }
    }

    /// Whether neither a session nor a tombstone has this key.
    pub(crate) fn is_free(&mut self, moment: &Moment<'_>, key: &StoreKey) -> bool {
        self.clear_expired(moment, key);
        self.sessions.get(key).is_none() && !self.tombstones.reason(key, moment.now).is_tombstone()
    }

    /// Brings a session forward in the expiry order.
    pub(crate) fn reschedule(&mut self, key: &StoreKey) {
        if let Some(session) = self.sessions.get_mut(key) {
            self.expiry.remove(session.due, hash(key));
            session.due = self.expiry.add(session.expires, hash(key));
        }
    }

    /// Takes back a little memory on the side of a write.
    pub(crate) fn tidy(&mut self, moment: &Moment<'_>) {
        self.tombstones.trim(moment, Self::SIDE_STEPS);
        for _ in 0..Self::SIDE_STEPS {
            if self.step(moment, moment.now).is_none() {
                return;
            }
        }
    }

    /// Looks at the session that is due first, if it is due by `until`: removes it or, if it was
    /// prolonged, moves it to its new time. `None` if nothing is due by then.
    pub(crate) fn step(&mut self, moment: &Moment<'_>, until: Tick) -> Option<Option<Swept>> {
        let (due, hashed) = self.expiry.first().filter(|(due, _)| *due <= until)?;
        let Some(session) = self.sessions.due_mut(due, hashed) else {
            self.expiry.remove(due, hashed);
            return Some(None);
        };
        if session.expires > due {
            self.expiry.remove(due, hashed);
            session.due = self.expiry.add(session.expires, hashed);
            return Some(None);
        }
        let key = session.key;
        let removed = self.remove(moment, &key);
        Some(removed.map(|session| Swept {
            key,
            principal: session.content.principal(),
        }))
    }
}
