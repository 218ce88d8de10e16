//! PUT: creating and saving.

use bytes::Bytes;

use super::answer::Call;
use crate::server::http::{Condition, Output};
use crate::server::items::{Content, Full, Item, Listing, Shard};
use crate::wire::Status;

impl Call<'_> {
    pub(super) fn put(&self, shard: &mut Shard, body: Bytes, out: &mut Output) {
        let Some(item) = self.live(shard) else {
            return self.create(shard, body, out);
        };
        self.slide_foreign(item);
        let request = self.request;
        if request.condition == Condition::New {
            return self.begin(Status::PreconditionFailed, out).finish();
        }
        if request.is_uninitialised {
            return self.done(item, out);
        }
        if self.obstacle(item, out) {
            return;
        }
        let mut content = self.content(body);
        if !request.extended {
            content.listing.clone_from(&item.listing);
        }
        let new_timeout = item.idle != content.idle;
        if let Err(Full) = shard.replace(self.moment, self.key, self.hash, content) {
            return self.full(out);
        }
        if let Some(item) = self.live(shard) {
            self.saved(item, new_timeout, out);
        }
    }

    /// The holder's PUT is the release, unless it says otherwise.
    fn saved(&self, item: &mut Item, new_timeout: bool, out: &mut Output) {
        if !self.request.extended && new_timeout {
            item.cookie = item.cookie.max(self.request.cookie.unwrap_or(-1));
            item.keep(self.moment);
        }
        if !self.request.hold {
            item.hand_on(self.moment);
        }
        self.done(item, out);
    }

    fn create(&self, shard: &mut Shard, body: Bytes, out: &mut Output) {
        let is_save = matches!(self.request.condition, Condition::Revision(_));
        if is_save || shard.ended(self.moment, self.key, self.hash).is_some() {
            return self.absent(shard, out);
        }
        let content = self.content(body);
        let mut item = Item::new(self.key.clone(), self.hash, content, self.moment.now);
        item.revision = self.request.first_revision;
        item.is_uninitialised = self.request.is_uninitialised;
        if let Err(Full) = shard.insert(self.moment, item) {
            return self.full(out);
        }
        match self.live(shard) {
            Some(item) => self.done(item, out),
            // Its deadline was now.
            None => self.begin(Status::Ok, out).finish(),
        }
    }

    pub(super) fn content(&self, body: Bytes) -> Content {
        let request = self.request;
        let is_listed = request.principal.is_some() || !request.labels.is_empty();
        let listing = is_listed.then(|| Listing {
            principal: request.principal,
            labels: request.labels.into(),
        });
        Content {
            is_paid: Output::is_large(&body),
            body,
            listing: listing.map(Box::new),
            idle: request.idle,
            deadline: request.deadline,
        }
    }
}
