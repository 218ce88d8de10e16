//! The key ring: whether it can be used, and when its key changes.

use std::time::Duration;

use session_core::{ConfigFile, KeyRing, KeyState, KeyStatus, Ring};

use super::finding::Finding;
use crate::dates::{now, span};
use crate::place;

/// After this long with one key, somebody should think of the next one.
const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Looks at the ring, and gives it if it can be used. Opening it judges owner, mode, links,
/// digest and the strength of its keys.
pub(super) fn examine(file: &ConfigFile, findings: &mut Vec<Finding>) -> Option<KeyRing> {
    let ring = match place::ring(file) {
        Ok(ring) => ring,
        Err(failure) => {
            findings.push(Finding::broken("ring", failure.to_string()));
            return None;
        }
    };
    let snapshot = ring.snapshot();
    let place = match file.machine_key.ring() {
        Some(path) => format!("{}, {}", path.display(), mode(path)),
        None => "keys of the environment or the configuration".to_owned(),
    };
    let kid = snapshot.sealing_kid(now());
    let epoch = snapshot.epoch();
    findings.push(Finding::ok(
        "ring",
        format!("{place}: epoch {epoch}, key {kid} seals"),
    ));
    findings.extend(lifetime(file, &snapshot));
    findings.push(rotation(&snapshot));
    Some(ring)
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().map_or_else(
        |_| "unseen".to_owned(),
        |seen| format!("owner {}, mode {:04o}", seen.uid(), seen.mode() & 0o7777),
    )
}

#[cfg(not(unix))]
fn mode(_: &std::path::Path) -> String {
    "owner and mode are not checked on this system".to_owned()
}

/// An application whose sessions live longer than its keys does not start.
fn lifetime(file: &ConfigFile, ring: &Ring) -> Option<Finding> {
    let longest = ring.longest_lifetime()?;
    let absolute = file.session.absolute_timeout();
    (absolute > longest).then(|| {
        Finding::broken(
            "ring",
            format!(
                "session.absolute_timeout is {}, and the ring keeps keys for {} only; shorten \
                 the timeout, or generate a ring with --longest-lifetime",
                span(absolute),
                span(longest)
            ),
        )
    })
}

fn rotation(ring: &Ring) -> Finding {
    const CHECK: &str = "rotation";
    let now = now();
    let keys = ring.keys(now);
    let of_state = |state| keys.iter().find(|key| key.state == state);
    if ring.epoch() == 0 {
        let told = "keys without a file are rotated by two deployments: old,new and then new,old";
        return Finding::ok(CHECK, told);
    }
    if let Some(begin) = of_state(KeyState::Pending).and_then(|key| key.not_before) {
        let left = span(begin.since(now));
        return Finding::ok(CHECK, format!("the next key seals in {left}"));
    }
    let age = of_state(KeyState::Active).map_or(Duration::ZERO, |key| age(key, now));
    let told = format!(
        "the key has sealed for {}, and no next one is there",
        span(age)
    );
    match age > LONG {
        true => Finding::warning(CHECK, format!("{told}; run `sessionctl key rotate`")),
        false => Finding::ok(CHECK, told),
    }
}

fn age(key: &KeyStatus, now: session_core::Timestamp) -> Duration {
    key.not_before
        .map_or(Duration::ZERO, |begin| now.since(begin))
}
