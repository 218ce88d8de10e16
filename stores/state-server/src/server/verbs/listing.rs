//! The sessions of a principal: showing and ending them.

use bytes::Bytes;
use session_core::EndReason;

use crate::server::http::Output;
use crate::server::items::{Item, Key, Moment};
use crate::server::state::State;
use crate::wire::{PAGE, Status, header, push_decimal, push_hex};

impl State {
    pub(super) fn list(&self, principal: &[u8; 32], after: Option<[u8; 32]>, out: &mut Output) {
        let (lines, next) = self.page(principal, after);
        let mut response = out.begin(Status::Ok, Some(self.wall()));
        if let Some(next) = next {
            response.field(header::SESSION_NEXT, |buffer| push_hex(buffer, &next));
        }
        response.finish_with(&Bytes::from(lines));
    }

    /// The lines of a page, and where the next one begins if there are more.
    fn page(
        &self,
        principal: &[u8; 32],
        mut after: Option<[u8; 32]>,
    ) -> (Vec<u8>, Option<[u8; 32]>) {
        let (mut lines, mut count) = (Vec::new(), 0);
        loop {
            let keys = self.index.keys(principal, after, PAGE);
            for session in &keys {
                count += usize::from(self.line(principal, session, &mut lines));
                if count == PAGE {
                    return (lines, Some(*session));
                }
            }
            if keys.len() < PAGE {
                return (lines, None);
            }
            after = keys.last().copied();
        }
    }

    /// Adds the line of a session that may be the principal's; whether it is.
    fn line(&self, principal: &[u8; 32], session: &[u8; 32], lines: &mut Vec<u8>) -> bool {
        let key = Key::Session(*session);
        let hash = self.keys.hash(&key);
        self.at(&key, |shard, moment| {
            let item = shard.live(moment, &key, hash);
            let item = item.filter(|item| item.principal() == Some(principal));
            item.map(|item| write_line(session, item, moment, lines))
                .is_some()
        })
    }

    pub(super) fn end_all(&self, principal: &[u8; 32], except: Option<[u8; 32]>, out: &mut Output) {
        let mut ended = 0;
        // A session that is renewed between the look into the index and the delete is found
        // under its new key in the next round.
        loop {
            let keys = self.index.keys(principal, None, usize::MAX);
            let keys = keys.iter().filter(|key| except != Some(**key));
            let found: Vec<bool> = keys.filter_map(|key| self.end(principal, key)).collect();
            ended += found.iter().filter(|was_live| **was_live).count() as u64;
            if found.is_empty() {
                break;
            }
        }
        let start = out.end();
        let mut response = out.begin(Status::Ok, Some(self.wall()));
        response.number(header::SESSION_COUNT, ended);
        response.finish();
        self.hold_back_all(start, out);
    }

    /// Ends a session that may be a principal's and returns whether it was live; `None` if it
    /// is somebody else's.
    fn end(&self, principal: &[u8; 32], session: &[u8; 32]) -> Option<bool> {
        let key = Key::Session(*session);
        let hash = self.keys.hash(&key);
        self.at(&key, |shard, moment| {
            match shard
                .live(moment, &key, hash)
                .map(|item| item.principal() == Some(principal))
            {
                Some(false) => None,
                Some(true) => {
                    shard.remove(moment, &key, hash, Some(EndReason::Revoked));
                    Some(true)
                }
                None => {
                    shard.remove(moment, &key, hash, None);
                    Some(false)
                }
            }
        })
    }
}

fn write_line(session: &[u8; 32], item: &Item, moment: &Moment<'_>, lines: &mut Vec<u8>) {
    let labels = item
        .listing
        .as_ref()
        .map_or(&[][..], |listing| &listing.labels);
    push_hex(lines, session);
    lines.push(b' ');
    push_decimal(lines, item.revision);
    lines.push(b' ');
    push_decimal(lines, item.time_left(moment));
    lines.push(b' ');
    lines.extend_from_slice(if labels.is_empty() { b"-" } else { labels });
    lines.push(b'\n');
}
