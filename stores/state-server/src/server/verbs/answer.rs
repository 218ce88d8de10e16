//! One request for an item, and the answers that several verbs give.

use session_core::{EndReason, Timestamp};

use crate::server::config::Limits;
use crate::server::http::{Condition, Output, Request, Response};
use crate::server::items::{Holding, Item, Key, Moment, Shard};
use crate::server::refusal::Refusal;
use crate::wire::{MAX_TIMEOUT_MINUTES, Status, header, push_etag, push_hex};

/// The ticks of 100 ns between 0001-01-01 and 1970-01-01.
const EPOCH_TICKS: u64 = 621_355_968_000_000_000;

/// A request for the item under a key.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) key: &'a Key,
    pub(super) hash: u64,
    pub(super) limits: &'a Limits,
    pub(super) moment: &'a Moment<'a>,
}

impl Call<'_> {
    /// The live item, with its lock settled.
    pub(super) fn live<'s>(&self, shard: &'s mut Shard) -> Option<&'s mut Item> {
        shard.live(self.moment, self.key, self.hash)
    }

    /// Slides the expiry. Every verb of a foreign client does.
    pub(super) fn slide(&self, item: &mut Item) {
        if self.request.touch {
            item.touch(self.moment);
        }
    }

    pub(super) fn slide_foreign(&self, item: &mut Item) {
        if !self.request.extended {
            item.touch(self.moment);
        }
    }

    /// What stands in the way of a write: somebody else's lock, or another revision. Answers
    /// if something does.
    pub(super) fn obstacle(&self, item: &Item, out: &mut Output) -> bool {
        let request = self.request;
        let is_strict = request.extended || self.limits.strict;
        let is_locked = match item.holding(request.cookie) {
            Holding::Mine => false,
            Holding::Theirs => true,
            Holding::Free => is_strict && request.cookie.is_some(),
        };
        if is_locked {
            self.locked(item, out);
            return true;
        }
        self.is_stale(item, out)
    }

    /// Whether the item is at another revision than the request says. Answers if it is.
    pub(super) fn is_stale(&self, item: &Item, out: &mut Output) -> bool {
        match self.request.condition {
            Condition::Revision(revision) if revision != item.revision => {
                let mut response = self.begin(Status::PreconditionFailed, out);
                self.state(item, &mut response);
                self.listing(item, &mut response);
                response.finish_with(&item.body);
                true
            }
            _ => false,
        }
    }

    /// Answers that there is no such item.
    pub(super) fn absent(&self, shard: &Shard, out: &mut Output) {
        let ended = shard.ended(self.moment, self.key, self.hash);
        match ended.filter(|_| self.request.extended) {
            Some(reason) => self.gone(reason, out),
            None => self.begin(Status::NotFound, out).finish(),
        }
    }

    pub(super) fn gone(&self, reason: EndReason, out: &mut Output) {
        let mut response = self.begin(Status::Gone, out);
        response.text(header::SESSION_ENDED, reason.as_str().as_bytes());
        response.finish();
    }

    /// Answers that somebody else holds the lock.
    pub(super) fn locked(&self, item: &Item, out: &mut Output) {
        let since = item
            .lock
            .as_ref()
            .map_or(self.moment.now, |lock| lock.since);
        let age = since.until(self.moment.now);
        let date = self.moment.wall().as_millis();
        let date = u64::try_from(date).unwrap_or(0).saturating_sub(age);
        let mut response = self.begin(Status::Locked, out);
        response.number(header::LOCK_COOKIE, cookie(item));
        response.number(header::LOCK_AGE, age / 1000);
        response.number(header::LOCK_DATE, EPOCH_TICKS + date * 10_000);
        response.finish();
    }

    pub(super) fn full(&self, out: &mut Output) {
        self.refuse(Refusal::Memory, out);
    }

    pub(super) fn refuse(&self, refusal: Refusal, out: &mut Output) {
        out.refuse(refusal, self.time(), None);
    }

    fn time(&self) -> Option<Timestamp> {
        self.request.extended.then(|| self.moment.wall())
    }

    /// Answers 200 with the item's state and no body.
    pub(super) fn done(&self, item: &Item, out: &mut Output) {
        let mut response = self.begin(Status::Ok, out);
        self.state(item, &mut response);
        response.finish();
    }

    /// Answers 200 with the item, and the lock's cookie if the request took the lock.
    pub(super) fn show(&self, item: &mut Item, is_holder: bool, out: &mut Output) {
        let mut response = self.begin(Status::Ok, out);
        if is_holder {
            response.number(header::LOCK_COOKIE, cookie(item));
        }
        if !self.request.extended {
            let minutes = item.idle.div_ceil(60_000).min(MAX_TIMEOUT_MINUTES.into());
            response.number(header::TIMEOUT, minutes);
        }
        if item.is_uninitialised {
            item.is_uninitialised = false;
            item.keep(self.moment);
            response.number(header::ACTION_FLAGS, 1);
        }
        self.state(item, &mut response);
        self.listing(item, &mut response);
        response.finish_with(&item.body);
    }

    /// What the extended protocol tells of a live item.
    fn state(&self, item: &Item, response: &mut Response<'_>) {
        if self.request.extended {
            response.field(header::ETAG, |buffer| push_etag(buffer, item.revision));
            response.number(header::SESSION_TTL, item.idle);
            response.number(header::SESSION_LEFT, item.time_left(self.moment));
        }
    }

    /// What belongs to a record beside its bytes.
    fn listing(&self, item: &Item, response: &mut Response<'_>) {
        let Some(listing) = item.listing.as_deref().filter(|_| self.request.extended) else {
            return;
        };
        if let Some(principal) = &listing.principal {
            let write = |buffer: &mut Vec<u8>| push_hex(buffer, principal);
            response.field(header::SESSION_PRINCIPAL, write);
        }
        if !listing.labels.is_empty() {
            response.text(header::SESSION_LABELS, &listing.labels);
        }
    }

    pub(super) fn begin<'o>(&self, status: Status, out: &'o mut Output) -> Response<'o> {
        out.begin(status, self.time())
    }
}

fn cookie(item: &Item) -> u64 {
    u64::try_from(item.cookie).unwrap_or(0)
}
