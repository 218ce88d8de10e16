//! What a session holds.

use serde::Serialize;
use session_core::{Key, ReadOnlySession, SessionError};

pub(super) const VISITS: Key<u64> = Key::new("visits");
pub(super) const NAME: Key<String> = Key::new("name");
pub(super) const TEAS: Key<u32> = Key::new("teas");

/// Who gave the last answers, oldest first.
pub(super) const TRAIL: Key<Vec<String>> = Key::new("trail");

/// How many answers the trail remembers.
const LONGEST_TRAIL: usize = 9;

/// Nobody drinks more.
const MOST_TEAS: u32 = 99;

/// All values of a session.
#[derive(Debug, Serialize)]
pub(super) struct Values {
    pub(super) visits: u64,
    pub(super) name: Option<String>,
    pub(super) teas: u32,
    pub(super) trail: Vec<String>,
}

impl Values {
    pub(super) fn of(session: &ReadOnlySession) -> Result<Self, SessionError> {
        Ok(Self {
            visits: session.get(VISITS)?.unwrap_or_default(),
            name: session.get(NAME)?,
            teas: session.get(TEAS)?.unwrap_or_default(),
            trail: session.get(TRAIL)?.unwrap_or_default(),
        })
    }
}

pub(super) fn one_more(teas: u32) -> u32 {
    (teas + 1).min(MOST_TEAS)
}

pub(super) fn followed_by(mut trail: Vec<String>, name: &str) -> Vec<String> {
    trail.push(name.to_owned());
    trail.drain(..trail.len().saturating_sub(LONGEST_TRAIL));
    trail
}
