//! The JSON that routes answer with, the same for every framework.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use session_core::ReadOnlySession;

/// What a session says of itself; never its id.
#[derive(Debug, Serialize)]
pub(crate) struct Info {
    fingerprint: Option<String>,
    is_new: bool,
    principal: Option<String>,
    created_ms: Option<i64>,
    age_ms: Option<u64>,
    idle_left_ms: Option<u64>,
    absolute_left_ms: Option<u64>,
}

impl Info {
    pub(crate) fn of(session: &ReadOnlySession) -> Self {
        Self {
            fingerprint: session.fingerprint().map(|shown| shown.to_string()),
            is_new: session.is_new(),
            principal: session.principal(),
            created_ms: session.created_at().map(|created| created.as_millis()),
            age_ms: session.age().map(millis),
            idle_left_ms: session.idle_left().map(millis),
            absolute_left_ms: session.absolute_left().map(millis),
        }
    }
}

/// How long a handler had the session, on the machine's monotonic clock.
#[derive(Debug, Serialize)]
pub(crate) struct Interval {
    pub(crate) enter_ms: u64,
    pub(crate) leave_ms: u64,
    pub(crate) pid: u32,
}

/// What the store was asked for, by the operation's name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct StoreCalls(pub(crate) BTreeMap<&'static str, u64>);

/// How many sessions the store holds.
#[derive(Debug, Serialize)]
pub(crate) struct Sessions {
    pub(crate) sessions: usize,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
