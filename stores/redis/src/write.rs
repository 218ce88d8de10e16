//! Creating, saving, renaming and ending sessions.

use session_core::{
    Create, EndReason, LeaseUse, Lifetime, PrincipalKey, Record, Revision, Save, StoreError,
    StoreErrorKind, StoreKey,
};

use crate::NAME;
use crate::fleet::Kind;
use crate::keys::Name;
use crate::reply::{Reply, foreign};
use crate::script::{self, Form, Lua};
use crate::stats::count;
use crate::store::RedisStore;
use crate::value::{body, millis, number};

/// A record on its way into the server.
pub(crate) struct Write<'a> {
    record: &'a Record,
    body: Vec<u8>,
    lifetime: Lifetime,
    base: [u8; 8],
    lease: LeaseUse,
}

impl<'a> Write<'a> {
    pub(crate) fn new(record: &'a Record, lifetime: Lifetime) -> Self {
        Self {
            record,
            body: body(record),
            lifetime,
            base: [0; 8],
            lease: LeaseUse::None,
        }
    }

    pub(crate) fn based_on(self, base: Revision, lease: LeaseUse) -> Self {
        Self {
            base: base.get().to_be_bytes(),
            lease,
            ..self
        }
    }

    /// The arguments that the scripts have in common; `is_listed`: the index has been written.
    fn command(
        &self,
        script: &Lua,
        form: Form,
        keys: &[&[u8]],
        member: &StoreKey,
        is_listed: bool,
    ) -> redis::Cmd {
        let mut command = script.command(form, keys);
        command
            .arg(&self.body)
            .arg(millis(self.lifetime.idle))
            .arg(millis(self.lifetime.absolute))
            .arg(member.as_bytes().as_slice())
            .arg(self.base.as_slice());
        match self.lease.token() {
            Some(token) => command.arg(token.get().to_be_bytes().as_slice()),
            None => command.arg(b"".as_slice()),
        };
        let gives_back = matches!(self.lease, LeaseUse::Release(_));
        command.arg(u8::from(gives_back)).arg(u8::from(is_listed));
        command
    }
}

impl RedisStore {
    pub(crate) async fn add(&self, key: &StoreKey, write: Write<'_>) -> Result<Create, StoreError> {
        let name = self.keys.session(key);
        let index = self.index_of(&write, key).await?;
        let answers = self.fleet.ask(name.slot, Kind::Lasting, |form| {
            let keys = with_index(&[&name], index.as_ref());
            write
                .command(&script::CREATE, form, &keys, key, true)
                .into()
        });
        match Reply::read(answers.await?)? {
            Reply::Done(_) => Ok(Create::Created(Revision::FIRST)),
            Reply::Taken => Ok(Create::AlreadyExists),
            _ => Err(foreign()),
        }
    }

    /// The index that the script is to write. Where it lies on another server it is written
    /// here, before the session: what a crash leaves then verifies as dead.
    async fn index_of(
        &self,
        write: &Write<'_>,
        member: &StoreKey,
    ) -> Result<Option<Name>, StoreError> {
        let Some(principal) = &write.record.principal else {
            return Ok(None);
        };
        let index = self.keys.index(principal);
        if self.fleet.is_one_server() {
            return Ok(Some(index));
        }
        self.enlist(&index, member, write.lifetime).await?;
        Ok(None)
    }

    async fn enlist(
        &self,
        index: &Name,
        member: &StoreKey,
        lifetime: Lifetime,
    ) -> Result<(), StoreError> {
        let answers = self.fleet.ask(index.slot, Kind::Repeatable, |form| {
            let mut command = script::ENLIST.command(form, &[&index.bytes]);
            command
                .arg(member.as_bytes().as_slice())
                .arg(millis(lifetime.absolute));
            command.into()
        });
        answers.await.map(drop)
    }

    /// A session that changes hands is rare: only then the index is written, and in a cluster the
    /// session is asked twice.
    pub(crate) async fn replace(
        &self,
        key: &StoreKey,
        write: Write<'_>,
    ) -> Result<Save, StoreError> {
        let name = self.keys.session(key);
        let principal = write.record.principal;
        let index = principal.map(|principal| self.keys.index(&principal));
        let mut is_listed = false;
        let reply = loop {
            let in_script = index.as_ref().filter(|_| self.fleet.is_one_server());
            let answers = self.fleet.ask(name.slot, Kind::Write, |form| {
                let keys = with_index(&[&name], in_script);
                write
                    .command(&script::SAVE, form, &keys, key, is_listed)
                    .into()
            });
            match (Reply::read(answers.await?)?, &index) {
                (Reply::Unlisted, Some(index)) if !is_listed => {
                    self.enlist(index, key, write.lifetime).await?;
                    is_listed = true;
                }
                (reply, _) => break reply,
            }
        };
        if let Reply::Done(Some(former)) = &reply {
            // Not at once: the session may change back meanwhile.
            self.prune(former, *key);
        }
        self.saved(reply, &write)
    }

    pub(crate) async fn renew(
        &self,
        from: &StoreKey,
        to: &StoreKey,
        write: Write<'_>,
    ) -> Result<Save, StoreError> {
        if from.route() != to.route() {
            let message = "a session cannot be renamed to another route";
            return Err(StoreError::new(StoreErrorKind::Other, NAME, message));
        }
        let (old, new) = (self.keys.session(from), self.keys.session(to));
        let index = self.index_of(&write, to).await?;
        let answers = self.fleet.ask(old.slot, Kind::Lasting, |form| {
            let keys = with_index(&[&old, &new], index.as_ref());
            write.command(&script::RENAME, form, &keys, to, true).into()
        });
        let reply = Reply::read(answers.await?)?;
        if let Reply::Done(Some(former)) = &reply {
            self.strike(former, *from);
        }
        self.saved(reply, &write)
    }

    fn saved(&self, reply: Reply, write: &Write<'_>) -> Result<Save, StoreError> {
        let base = u64::from_be_bytes(write.base);
        match reply {
            Reply::Done(_) => {
                let saved = Revision::new(base.saturating_add(1)).map(Save::Saved);
                saved.ok_or_else(foreign)
            }
            Reply::Missing => Ok(Save::Missing),
            Reply::Ended(reason) => Ok(Save::Ended(reason)),
            Reply::Leased => Ok(Save::Leased),
            Reply::Current(now, live) => {
                if live.revision.get() < base {
                    self.note_lost_revision();
                }
                Ok(Save::Stale(live.loaded(now)))
            }
            Reply::Taken => {
                let message = "a session cannot be renamed to a key that is taken";
                Err(StoreError::new(StoreErrorKind::Other, NAME, message))
            }
            Reply::Unlisted | Reply::Busy(_) => Err(foreign()),
        }
    }

    /// Revisions only grow, so somebody was told of a write that is not there any more. The
    /// conflict that follows from it is not one between requests, and the log says so.
    fn note_lost_revision(&self) {
        count(&self.fleet.settings().counters.revisions_lost);
        tracing::error!(
            "a session's revision went backwards: a failover or a restore lost acknowledged \
             writes; see store.wait_replicas"
        );
    }

    /// Ends a session, unless it is not of the `only` principal. Brings whether it was live, and
    /// why it had ended before.
    pub(crate) async fn end(
        &self,
        key: &StoreKey,
        reason: EndReason,
        only: Option<&PrincipalKey>,
    ) -> Result<Reply, StoreError> {
        let name = self.keys.session(key);
        let only = only.map_or(b"".as_slice(), |only| only.as_bytes().as_slice());
        let answers = self.fleet.ask(name.slot, Kind::Lasting, |form| {
            let mut command = script::DELETE.command(form, &[&name.bytes]);
            command.arg(number(reason)).arg(only);
            command.into()
        });
        Reply::read(answers.await?)
    }
}

fn with_index<'a>(names: &[&'a Name], index: Option<&'a Name>) -> Vec<&'a [u8]> {
    let names = names.iter().copied().chain(index);
    names.map(|name| name.bytes.as_slice()).collect()
}
