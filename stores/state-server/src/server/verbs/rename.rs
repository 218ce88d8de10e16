//! MOVE: a session goes on under another key.

use bytes::Bytes;

use super::answer::Call;
use crate::server::http::Output;
use crate::server::items::{Full, Item, Key, Shard};
use crate::server::state::State;
use crate::wire::{Status, Target};

impl Call<'_> {
    pub(super) fn rename(&self, shard: &mut Shard, body: Bytes, state: &State, out: &mut Output) {
        let Some(Target::Session(to)) = self.request.destination else {
            return self.begin(Status::BadRequest, out).finish();
        };
        let to = Key::Session(to);
        let hash = state.keys.hash(&to);
        let Some(item) = self.live(shard) else {
            return self.absent(shard, out);
        };
        if self.obstacle(item, out) {
            return;
        }
        let (revision, cookie) = (item.revision + 1, item.cookie);
        if !shard.is_free(self.moment, &to, hash) {
            return self.begin(Status::Conflict, out).finish();
        }
        let mut renewed = Item::new(to.clone(), hash, self.content(body), self.moment.now);
        renewed.revision = revision;
        renewed.cookie = cookie;
        if let Err(Full) = shard.rename(self.moment, self.key, self.hash, renewed) {
            return self.full(out);
        }
        match shard.live(self.moment, &to, hash) {
            Some(item) => self.done(item, out),
            // Its deadline was now.
            None => self.begin(Status::Ok, out).finish(),
        }
    }
}
