//! Taking entries out of indexes, beside the work of a request.

use session_core::{PrincipalKey, StoreKey};

use crate::fleet::Kind;
use crate::script;
use crate::store::RedisStore;

impl RedisStore {
    /// Takes out the entry of a session that has ended: its key is never used again.
    pub(crate) fn strike(&self, principal: &PrincipalKey, key: StoreKey) {
        self.tidy(principal, key, true);
    }

    /// Takes out the entry of a session that is not there, unless it was written just now: then
    /// the session may be on its way.
    pub(crate) fn prune(&self, principal: &PrincipalKey, key: StoreKey) {
        self.tidy(principal, key, false);
    }

    /// Nobody waits for this. An entry that stays is not shown, and the next reader tries again.
    fn tidy(&self, principal: &PrincipalKey, key: StoreKey, has_ended: bool) {
        let fleet = std::sync::Arc::clone(&self.fleet);
        let index = self.keys.index(principal);
        self.runtime.spawn(async move {
            let answers = fleet.ask(index.slot, Kind::Repeatable, |form| {
                let mut command = match has_ended {
                    true => redis::cmd("ZREM"),
                    false => script::PRUNE.command(form, &[&index.bytes]),
                };
                if has_ended {
                    command.arg(&index.bytes);
                }
                command.arg(key.as_bytes().as_slice());
                command.into()
            });
            if let Err(error) = answers.await {
                tracing::debug!(%error, "an entry of an index was not taken out");
            }
        });
    }
}
