//! The settings that are used as they were given.

use std::time::Duration;

use super::error::Problem;
use super::limits::{self, LONGEST_SESSION, LONGEST_WAIT};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) instance: Option<String>,
    pub(super) idle_timeout: Duration,
    pub(super) absolute_timeout: Duration,
    pub(super) lock_lease: Duration,
    pub(super) lock_wait: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) operation_timeout: Duration,
    pub(super) commit_timeout: Duration,
    pub(super) max_payload: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instance: None,
            idle_timeout: Duration::from_secs(20 * 60),
            absolute_timeout: Duration::from_secs(12 * 60 * 60),
            lock_lease: Duration::from_secs(30),
            lock_wait: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_secs(2),
            commit_timeout: Duration::from_secs(3),
            max_payload: 1 << 20,
        }
    }
}

impl Settings {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let durations = [
            ("session.idle_timeout", self.idle_timeout, LONGEST_SESSION),
            (
                "session.absolute_timeout",
                self.absolute_timeout,
                LONGEST_SESSION,
            ),
            ("session.lock.lease", self.lock_lease, LONGEST_WAIT),
            ("session.lock.wait", self.lock_wait, LONGEST_WAIT),
            (
                "session.timeouts.connect",
                self.connect_timeout,
                LONGEST_WAIT,
            ),
            (
                "session.timeouts.operation",
                self.operation_timeout,
                LONGEST_WAIT,
            ),
            ("session.timeouts.commit", self.commit_timeout, LONGEST_WAIT),
        ];
        let mut problems: Vec<_> = durations
            .into_iter()
            .filter_map(|(key, value, longest)| limits::check_duration(key, value, longest).err())
            .collect();
        let order = limits::check_order(self.idle_timeout, self.absolute_timeout);
        problems.extend(order.err().filter(|order| !order.follows_from(&problems)));
        problems.extend(limits::check_payload(self.max_payload).err());
        let instance = self.instance.as_deref();
        problems.extend(instance.and_then(|name| limits::check_instance(name).err()));
        problems
    }
}
