//! The sessions of a principal: showing and ending them.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use redis::{Cmd, Value};
use session_core::{
    Cursor, EndReason, Listed, Page, PrincipalKey, StoreError, StoreErrorKind, StoreKey,
};

use crate::NAME;
use crate::call::Call;
use crate::fleet::Kind;
use crate::reply::{Found, Reply, foreign, found};
use crate::script;
use crate::store::RedisStore;
use crate::value::{Stored, read};

/// The most sessions that a page has.
const PAGE: usize = 100;

/// How much of a session is read for a listing; more if its labels are longer than that.
const HEAD: usize = 1_024;

/// An entry of an index. Entries are in the order of their scores, and those with the same score
/// in that of their keys.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Entry {
    score: f64,
    key: StoreKey,
}

/// What an entry led to.
enum Verdict {
    Live(Listed),
    /// The session has ended, and its key will never be used again.
    Ended,
    /// There is no such session, or it is somebody else's; perhaps not yet.
    NotThere,
}

impl RedisStore {
    pub(crate) async fn page(
        &self,
        principal: &PrincipalKey,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let mut position = after.as_ref().map(position).transpose()?;
        let mut page = Page::default();
        loop {
            let (entries, is_last) = self.entries(principal, position, PAGE).await?;
            let verdicts = entries
                .iter()
                .map(|entry| self.verify(principal, entry.key));
            let verdicts = try_join_all(verdicts).await?;
            for (entry, verdict) in entries.iter().zip(verdicts) {
                position = Some(*entry);
                match verdict {
                    Verdict::Live(listed) => page.sessions.push(listed),
                    Verdict::Ended => self.strike(principal, entry.key),
                    Verdict::NotThere => self.prune(principal, entry.key),
                }
                if page.sessions.len() == PAGE {
                    page.next = Some(cursor(*entry));
                    return Ok(page);
                }
            }
            if is_last {
                return Ok(page);
            }
        }
    }

    /// Up to `count` entries after `position`, and whether there are no more.
    async fn entries(
        &self,
        principal: &PrincipalKey,
        position: Option<Entry>,
        count: usize,
    ) -> Result<(Vec<Entry>, bool), StoreError> {
        let index = self.keys.index(principal);
        let lowest = position.map_or_else(|| "-inf".to_owned(), |entry| entry.score.to_string());
        // Entries with the score of the position come again, so a page may have nothing new.
        let mut limit = count + 1;
        loop {
            let answers = self.fleet.ask(index.slot, Kind::Repeatable, |form| {
                let mut command = script::PAGE.command(form, &[&index.bytes]);
                command.arg(&lowest).arg(limit);
                command.into()
            });
            let all = entries(answers.await?).ok_or_else(foreign)?;
            let is_last = all.len() < limit;
            let mut new = all;
            new.retain(|entry| position.is_none_or(|position| *entry > position));
            if is_last || !new.is_empty() {
                return Ok((new, is_last));
            }
            limit *= 4;
        }
    }

    async fn verify(&self, principal: &PrincipalKey, key: StoreKey) -> Result<Verdict, StoreError> {
        let name = self.keys.session(&key);
        let mut length = HEAD;
        loop {
            let answers = self.fleet.ask(name.slot, Kind::Repeatable, |_| {
                Call::several([head(&name.bytes, length), redis::cmd("TIME")])
            });
            let answers = answers.await?;
            if is_cut_short(&answers, length) {
                length *= 16;
                continue;
            }
            return Ok(match found(answers)? {
                Found::Live(now, live) if live.record.principal == Some(*principal) => {
                    Verdict::Live(live.listed(key, now))
                }
                Found::Ended(_) => Verdict::Ended,
                Found::Live(..) | Found::Absent => Verdict::NotThere,
            });
        }
    }

    /// Ends the sessions of a principal. A session that is renewed between the look into the
    /// index and the delete has its new entry already, and is found in the next round.
    pub(crate) async fn end_all(
        &self,
        principal: &PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<u64, StoreError> {
        let mut ended = 0;
        loop {
            let round = self.end_round(principal, except).await?;
            ended += round.live;
            if !round.found {
                return Ok(ended);
            }
        }
    }

    async fn end_round(
        &self,
        principal: &PrincipalKey,
        except: Option<StoreKey>,
    ) -> Result<Round, StoreError> {
        let mut round = Round::default();
        let mut position = None;
        loop {
            let (entries, is_last) = self.entries(principal, position, PAGE).await?;
            let keys = entries.iter().map(|entry| entry.key);
            let keys: Vec<_> = keys.filter(|key| except != Some(*key)).collect();
            let ends = keys
                .iter()
                .map(|key| self.end(key, EndReason::Revoked, Some(principal)));
            let mut gone = Vec::new();
            for (key, reply) in keys.iter().zip(join_all(ends).await) {
                match reply? {
                    Reply::Done(_) => round.live += 1,
                    Reply::Ended(_) => {}
                    _ => continue,
                }
                round.found = true;
                gone.push(*key);
            }
            self.remove(principal, &gone).await?;
            position = entries.last().copied().or(position);
            if is_last {
                return Ok(round);
            }
        }
    }

    /// Takes entries out whose sessions have ended.
    async fn remove(&self, principal: &PrincipalKey, keys: &[StoreKey]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let index = self.keys.index(principal);
        let unique: HashSet<_> = keys.iter().collect();
        let answers = self.fleet.ask(index.slot, Kind::Repeatable, |_| {
            let mut command = redis::cmd("ZREM");
            command.arg(&index.bytes);
            for key in &unique {
                command.arg(key.as_bytes().as_slice());
            }
            command.into()
        });
        answers.await.map(drop)
    }
}

/// What a round of `end_all` came to.
#[derive(Default)]
struct Round {
    live: u64,
    /// Whether there was a session, or one that had moved or ended just before.
    found: bool,
}

fn head(key: &[u8], length: usize) -> Cmd {
    let mut command = redis::cmd("GETRANGE");
    command.arg(key).arg(0).arg(length - 1);
    command
}

/// Whether the part of a value that was read ends before the payload begins.
fn is_cut_short(answers: &[Value], length: usize) -> bool {
    let Some(Value::BulkString(bytes)) = answers.first() else {
        return false;
    };
    let readable = || matches!(read(Bytes::copy_from_slice(bytes)), Some(Stored::Live(_)));
    bytes.len() == length && !readable()
}

fn entries(answers: Vec<Value>) -> Option<Vec<Entry>> {
    let Some(Value::Array(parts)) = answers.into_iter().next() else {
        return None;
    };
    let pairs = parts.chunks_exact(2).map(|pair| match pair {
        [Value::BulkString(member), Value::BulkString(score)] => Some(Entry {
            key: StoreKey::from_bytes(member.as_slice().try_into().ok()?),
            score: std::str::from_utf8(score).ok()?.parse().ok()?,
        }),
        _ => None,
    });
    pairs.collect()
}

fn cursor(entry: Entry) -> Cursor {
    let mut bytes = entry.score.to_be_bytes().to_vec();
    bytes.extend_from_slice(entry.key.as_bytes());
    Cursor::new(bytes)
}

fn position(cursor: &Cursor) -> Result<Entry, StoreError> {
    let read = |bytes: &[u8]| {
        let (score, key) = bytes.split_first_chunk()?;
        Some(Entry {
            score: f64::from_be_bytes(*score),
            key: StoreKey::from_bytes(key.try_into().ok()?),
        })
    };
    read(cursor.as_bytes()).ok_or_else(|| {
        let message = "the cursor is not one of this store";
        StoreError::new(StoreErrorKind::Other, NAME, message)
    })
}
