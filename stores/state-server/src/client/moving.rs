//! Moving a session from its former server to the one that owns it by the new list.
//!
//! 1. The record at the former owner becomes a [`Parcel`], if it is at the revision that we
//!    read. So whoever still has the former list can neither write to it nor read it from then
//!    on, and what he wrote before is in it. A lease there is waited for.
//! 2. The new owner gets the record, at its revision, if it has no such session. It is live.
//! 3. The parcel is ended.
//!
//! A client that dies on the way leaves a parcel, and the next one that misses the session goes
//! on with it. A session that is ended on the way is ended at the former owner first, and leaves
//! a tombstone at the new one ([`end`]), so step 2 finds its place taken.

use std::time::Duration;

use session_core::{
    EndReason, LeaseToken, Lifetime, Loaded, Record, Revision, StoreError, StoreErrorKind, StoreKey,
};

use super::farm::lane;
use super::outcome::Answer;
use super::parcel::Parcel;
use super::request;
use super::server::{Server, Verb};

/// What came of asking a former owner.
#[derive(Debug)]
pub(super) enum Fetched<'a> {
    /// The new owner has the session.
    Moved,
    /// Somebody holds its lease at the former owner, where this is the record.
    Held(Loaded),
    /// The former owner says that it is not there, or has ended.
    Gone(Answer<'a>),
}

/// Moves the session to the server `to`, which has said that it does not have it. With a
/// `token`, that of its lease at `from`.
pub(super) async fn fetch<'a>(
    from: &'a Server,
    to: &Server,
    key: &StoreKey,
    token: Option<LeaseToken>,
) -> Result<Fetched<'a>, StoreError> {
    let load = |out: &mut Vec<u8>| request::load(out, key);
    let mut answer = from.ask(lane(key), Verb::Get, load).await?;
    loop {
        if let 404 | 410 = answer.reply.status {
            return Ok(Fetched::Gone(answer));
        }
        if Parcel::is_one(&answer.reply.body) {
            let (loaded, parcel) = answer.parcel()?;
            deliver(from, to, key, loaded, parcel).await?;
            return Ok(Fetched::Moved);
        }
        let loaded = answer.current()?;
        let pack = |out: &mut Vec<u8>| request::pack(out, key, &loaded, token);
        answer = from.ask(lane(key), Verb::Write, pack).await?;
        match answer.reply.status {
            200 => {
                let parcel = loaded.revision.next();
                deliver(from, to, key, loaded, parcel).await?;
                return Ok(Fetched::Moved);
            }
            423 => return Ok(Fetched::Held(loaded)),
            _ => {}
        }
    }
}

/// Puts the record in its new place and ends the parcel.
async fn deliver(
    from: &Server,
    to: &Server,
    key: &StoreKey,
    loaded: Loaded,
    parcel: Revision,
) -> Result<(), StoreError> {
    let lifetime = lifetime(&loaded);
    let is_placed = place(to, key, loaded.revision, &loaded.record, lifetime).await?;
    if !is_placed {
        let load = |out: &mut Vec<u8>| request::load(out, key);
        let there = to.ask(lane(key), Verb::Get, load).await?;
        let body = &there.reply.body;
        if Parcel::is_one(body) && !Parcel::is_reservation(body) {
            let problem = "this server stands under another name in store.previous";
            return Err(there.error(StoreErrorKind::Refused, problem));
        }
    }
    let discard = |out: &mut Vec<u8>| request::discard(out, key, parcel);
    let mut answer = from.ask(lane(key), Verb::Write, discard).await?;
    if answer.reply.status == 423 {
        // A client with the former list has taken a lease on the parcel and can do nothing with
        // it.
        let delete = |out: &mut Vec<u8>| request::delete(out, key, EndReason::Renewed);
        answer = from.ask(lane(key), Verb::Write, delete).await?;
    }
    answer.delete().map(|_| ())
}

/// Adds the record at its revision. `false` if the key is taken.
async fn place(
    to: &Server,
    key: &StoreKey,
    revision: Revision,
    record: &Record,
    lifetime: Lifetime,
) -> Result<bool, StoreError> {
    let arrive = |out: &mut Vec<u8>| request::arrive(out, key, revision, record, lifetime);
    let answer = to.ask(lane(key), Verb::Write, arrive).await?;
    match answer.reply.status {
        200 | 201 => Ok(true),
        410 | 412 => Ok(false),
        _ => Err(answer.unexpected("PUT of a session that moves")),
    }
}

/// How long the record has to live in its new place. The deadline is the record's own, because
/// no answer tells the one that the server keeps.
fn lifetime(loaded: &Loaded) -> Lifetime {
    let absolute = loaded.record.deadline.since(loaded.store_time);
    Lifetime {
        idle: loaded.idle,
        absolute: absolute.max(loaded.time_left).max(Duration::from_millis(1)),
    }
}

/// Ends a session that may be in either place or on its way. `true` if it was live.
pub(super) async fn end(
    from: &Server,
    to: &Server,
    key: &StoreKey,
    reason: EndReason,
) -> Result<bool, StoreError> {
    let delete = |out: &mut Vec<u8>| request::delete(out, key, reason);
    let former = from.ask(lane(key), Verb::Write, delete).await;
    let answer = to.ask(lane(key), Verb::Write, delete).await?;
    let was_here = answer.delete()?;
    let was_there = former?.delete()?;
    if was_there && answer.reply.status == 404 {
        // Somebody may be about to place what he found there before it ended.
        let reserve = |out: &mut Vec<u8>| request::reserve(out, key);
        to.ask(lane(key), Verb::Write, reserve).await?;
        let answer = to.ask(lane(key), Verb::Write, delete).await?;
        answer.delete()?;
    }
    if !was_here && !was_there && answer.is_miss() {
        to.agree().await?;
    }
    Ok(was_here || was_there)
}
