//! How far a request has come with its session.

use super::commit::Stage;
use super::headers::TokenChange;
use super::state::{Live, SessionState};
use crate::access::Access;
use crate::id::StoreKey;

/// How far a request has come with its session, and what it holds.
pub(super) struct Progress {
    pub(super) phase: Phase,
    /// Whether somebody asked for the session, even if it could not be loaded.
    pub(super) asked: bool,
    pub(super) access: Access,
    pub(super) session: Option<Box<SessionState>>,
    pub(super) token: TokenChange,
    /// Whether a stream or a WebSocket goes on with the session.
    pub(super) live: bool,
    /// Whether the request was abandoned with changes that nobody has been told are lost.
    pub(super) changes_dropped: bool,
}

/// How far a request has come with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody has asked for the session.
    Unopened,
    /// The handler has it.
    Open,
    /// A commit is under way.
    Committing(Stage),
    /// The response's head is on its way.
    HeadSent,
    /// The request ended without a response.
    Abandoned,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: Phase::Unopened,
            asked: false,
            access: Access::ReadOnly,
            session: None,
            token: TokenChange::None,
            live: false,
            changes_dropped: false,
        }
    }
}

impl Progress {
    /// Hands the session over to a commit.
    pub(super) fn begin_commit(&mut self, stage: Stage) -> Option<Box<SessionState>> {
        let expected = match stage {
            Stage::Midway | Stage::Head { .. } => Phase::Open,
            Stage::Live => Phase::HeadSent,
        };
        let session = self.session.take_if(|_| self.phase == expected)?;
        self.phase = Phase::Committing(stage);
        Some(session)
    }

    /// The stored session, if it is still the one under `key`.
    pub(super) fn kept_alive(&mut self, key: StoreKey) -> Option<&mut Live> {
        let live = self.session.as_mut()?.live.as_mut()?;
        (live.key == key).then_some(live)
    }

    /// Goes on with the session as it was before a commit that failed.
    pub(super) fn fall_back(&mut self, before: Option<Box<SessionState>>) {
        if self.session.is_none() && before.is_some() {
            self.phase = Phase::HeadSent;
            self.session = before;
        }
    }
}
