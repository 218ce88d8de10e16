//! HEAD: touching an item, and extending a lease.

use super::answer::Call;
use crate::server::http::Output;
use crate::server::items::{Holding, Shard};

impl Call<'_> {
    pub(super) fn head(&self, shard: &mut Shard, out: &mut Output) {
        let Some(item) = self.live(shard) else {
            return self.absent(shard, out);
        };
        if let Some(lease) = self.request.lease {
            if item.holding(self.request.cookie) != Holding::Mine {
                return self.locked(item, out);
            }
            item.extend_lock(lease, self.moment);
        }
        self.slide(item);
        self.done(item, out);
    }
}
