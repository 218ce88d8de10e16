//! Circuit breakers: an endpoint that cannot be reached is not asked by every request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// This many failures to reach an endpoint in a row open its breaker.
const FAILURES: u32 = 5;

/// While a breaker is open, one request a second is let through, counted from the end of the
/// last one.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The breakers of a store's endpoints.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    /// Whether any endpoint has failed since its last success. Spares healthy stores the lock.
    troubled: AtomicBool,
    circuits: Mutex<HashMap<u16, Circuit>>,
}

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    probing: bool,
    next_probe: Duration,
}

/// What came of a request, as far as reaching the endpoint goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Reached,
    Unreachable,
}

/// Leave to ask an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The breaker is closed.
    Free,
    /// The breaker is open, and this request is the one that tries again.
    Probe,
}

/// What a breaker did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Opened,
    Closed,
}

impl Breakers {
    /// Whether a request to `endpoint` may go out at the monotonic time `now`.
    pub(super) fn admit(&self, endpoint: u16, now: impl FnOnce() -> Duration) -> Option<Leave> {
        if self.is_calm() {
            return Some(Leave::Free);
        }
        let mut circuits = self.circuits.lock();
        let open = circuits
            .get_mut(&endpoint)
            .filter(|circuit| circuit.failures >= FAILURES);
        let Some(circuit) = open else {
            return Some(Leave::Free);
        };
        let admitted = !circuit.probing && now() >= circuit.next_probe;
        circuit.probing |= admitted;
        admitted.then_some(Leave::Probe)
    }

    /// Notes that nobody will hear what came of a probe.
    pub(super) fn give_up_probe(&self, endpoint: u16, now: Duration) {
        if let Some(circuit) = self.circuits.lock().get_mut(&endpoint) {
            circuit.probing = false;
            circuit.next_probe = now + PROBE_INTERVAL;
        }
    }

    /// Whether no endpoint has failed since its last success.
    fn is_calm(&self) -> bool {
        !self.troubled.load(Ordering::Acquire)
    }

    /// Notes what came of a request that was admitted.
    pub(super) fn record(
        &self,
        endpoint: u16,
        leave: Leave,
        reach: Reach,
        now: impl FnOnce() -> Duration,
    ) -> Change {
        match reach {
            Reach::Reached if self.is_calm() => Change::None,
            Reach::Reached => self.heal(endpoint),
            Reach::Unreachable => self.fail(endpoint, leave, now()),
        }
    }

    fn heal(&self, endpoint: u16) -> Change {
        let mut circuits = self.circuits.lock();
        let healed = circuits.remove(&endpoint);
        self.troubled.store(!circuits.is_empty(), Ordering::Release);
        match healed {
            Some(circuit) if circuit.failures >= FAILURES => Change::Closed,
            _ => Change::None,
        }
    }

    fn fail(&self, endpoint: u16, leave: Leave, now: Duration) -> Change {
        let mut circuits = self.circuits.lock();
        self.troubled.store(true, Ordering::Release);
        let circuit = circuits.entry(endpoint).or_default();
        circuit.failures = circuit.failures.saturating_add(1);
        // One that went out before the breaker opened says nothing about the probe.
        circuit.probing &= leave != Leave::Probe;
        circuit.next_probe = now + PROBE_INTERVAL;
        if circuit.failures == FAILURES {
            Change::Opened
        } else {
            Change::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breakers, Change, Duration, FAILURES, Leave, Reach};

    fn admits(breakers: &Breakers, endpoint: u16, now: Duration) -> bool {
        breakers.admit(endpoint, || now).is_some()
    }

    fn opened() -> Breakers {
        let breakers = Breakers::default();
        for _ in 1..FAILURES {
            assert_eq!(
                breakers.record(0, Leave::Free, Reach::Unreachable, || Duration::ZERO),
                Change::None
            );
            assert!(admits(&breakers, 0, Duration::ZERO));
        }
        assert_eq!(
            breakers.record(0, Leave::Free, Reach::Unreachable, || Duration::ZERO),
            Change::Opened
        );
        breakers
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let breakers = opened();
        assert!(!admits(&breakers, 0, Duration::from_millis(999)));
        assert!(
            admits(&breakers, 1, Duration::ZERO),
            "the other endpoint is fine"
        );
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let breakers = Breakers::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                breakers.record(0, Leave::Free, Reach::Unreachable, || Duration::ZERO);
            }
            assert_eq!(
                breakers.record(0, Leave::Free, Reach::Reached, || Duration::ZERO),
                Change::None
            );
        }
        assert!(admits(&breakers, 0, Duration::ZERO));
    }

    #[test]
    fn one_probe_a_second_counted_from_the_end_of_the_last() {
        let breakers = opened();
        let seconds = Duration::from_secs;
        assert_eq!(breakers.admit(0, || seconds(1)), Some(Leave::Probe));
        assert!(!admits(&breakers, 0, seconds(9)), "a probe is under way");
        breakers.record(0, Leave::Probe, Reach::Unreachable, || seconds(10));
        assert!(!admits(&breakers, 0, seconds(10)));
        assert!(admits(&breakers, 0, seconds(11)));
        assert_eq!(
            breakers.record(0, Leave::Probe, Reach::Reached, || seconds(11)),
            Change::Closed
        );
        assert!(admits(&breakers, 0, seconds(11)) && admits(&breakers, 0, seconds(11)));
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_the_next() {
        let breakers = opened();
        let seconds = Duration::from_secs;
        assert!(admits(&breakers, 0, seconds(1)));
        breakers.give_up_probe(0, seconds(2));
        assert!(!admits(&breakers, 0, seconds(2)));
        assert!(admits(&breakers, 0, seconds(3)));
    }

    #[test]
    fn a_straggler_does_not_let_a_second_probe_out() {
        let breakers = opened();
        let seconds = Duration::from_secs;
        assert_eq!(breakers.admit(0, || seconds(1)), Some(Leave::Probe));
        breakers.record(0, Leave::Free, Reach::Unreachable, || seconds(1));
        assert!(!admits(&breakers, 0, seconds(3)), "the probe is under way");
    }
}
