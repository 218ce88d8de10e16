//! Which values settings may have.

use std::time::Duration;

use super::error::Problem;
use crate::duration;

/// As long as browsers keep a cookie. Something has to end every session, because a key must
/// know when it may die.
pub(crate) const LONGEST_SESSION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// No request waits, and no lock holds, for longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The store's resolution.
const SHORTEST: Duration = Duration::from_millis(1);

pub(super) const SMALLEST_PAYLOAD: usize = 1 << 10;
pub(super) const LARGEST_PAYLOAD: usize = 32 << 20;

/// The longest name of an application or an instance, in bytes.
const LONGEST_NAME: usize = 64;

type Verdict = Result<(), Problem>;

pub(super) fn check_duration(key: &str, value: Duration, longest: Duration) -> Verdict {
    let problem = |wrong: &str, fix: String| {
        let problem = Problem::new(key, wrong, fix).value(duration::written(value));
        Err(problem)
    };
    if value < SHORTEST {
        problem(
            "shorter than a millisecond",
            "write at least \"1ms\"".to_owned(),
        )
    } else if value > longest {
        problem(
            "too long",
            format!("write at most {}", duration::written(longest)),
        )
    } else {
        Ok(())
    }
}

pub(super) fn check_order(idle: Duration, absolute: Duration) -> Verdict {
    if idle <= absolute {
        return Ok(());
    }
    let wrong = format!(
        "shorter than session.idle_timeout = {}",
        duration::written(idle)
    );
    let fix = "raise absolute_timeout or lower idle_timeout";
    Err(Problem::new("session.absolute_timeout", wrong, fix)
        .value(duration::written(absolute))
        .related("session.idle_timeout"))
}

pub(super) fn check_payload(bytes: usize) -> Verdict {
    if (SMALLEST_PAYLOAD..=LARGEST_PAYLOAD).contains(&bytes) {
        return Ok(());
    }
    let wrong = "out of range";
    let fix = "write between \"1KiB\" and \"32MiB\"";
    Err(Problem::new("session.limits.max_payload", wrong, fix).value(bytes.to_string()))
}

pub(super) fn check_app(app: Option<&str>) -> Verdict {
    const KEY: &str = "session.app";
    let fix = "write a name that is this application's alone, for example app = \"shop\"";
    let Some(app) = app else {
        return Err(Problem::new(KEY, "missing", fix));
    };
    let unprintable =
        "only printable ASCII may stand in it, because keys are derived from its bytes";
    match wrong_name(app, unprintable) {
        Some(wrong) => Err(Problem::new(KEY, wrong, fix).value(format!("{app:?}"))),
        None => Ok(()),
    }
}

pub(super) fn check_instance(name: &str) -> Verdict {
    let wrong = match wrong_name(name, "only printable ASCII may stand in it") {
        None if name.contains('/') => "a / may not stand in it",
        None => return Ok(()),
        Some(wrong) => wrong,
    };
    let fix = "write a name that is this instance's alone, for example instance = \"web1\"";
    Err(Problem::new("session.instance", wrong, fix).value(format!("{name:?}")))
}

fn wrong_name(name: &str, unprintable: &'static str) -> Option<&'static str> {
    if name.is_empty() {
        Some("empty")
    } else if name.len() > LONGEST_NAME {
        Some("longer than 64 bytes")
    } else if !name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        Some(unprintable)
    } else if name.trim() != name {
        Some("begins or ends with a space")
    } else {
        None
    }
}
