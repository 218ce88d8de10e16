//! DELETE: ending a session.

use super::answer::Call;
use crate::server::http::{Condition, Output};
use crate::server::items::{Holding, Item, Shard};
use crate::wire::Status;

impl Call<'_> {
    pub(super) fn delete(&self, shard: &mut Shard, out: &mut Output) {
        let Some(item) = self.live(shard) else {
            return self.absent(shard, out);
        };
        self.slide_foreign(item);
        if self.is_held_off(item) {
            return self.locked(item, out);
        }
        if self.is_stale(item, out) {
            return;
        }
        let reason = self.request.extended.then_some(self.request.ended);
        shard.remove(self.moment, self.key, self.hash, reason);
        self.begin(Status::Ok, out).finish();
    }

    /// Whether a lock protects the item from this request. Ours end a locked session too, unless
    /// they say on what they are based.
    fn is_held_off(&self, item: &Item) -> bool {
        let request = self.request;
        let is_plain = request.cookie.is_none() && request.condition == Condition::None;
        match item.holding(request.cookie) {
            Holding::Mine => false,
            Holding::Theirs => !(request.extended && is_plain),
            Holding::Free => request.extended && request.cookie.is_some(),
        }
    }
}
