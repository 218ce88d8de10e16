//! What the keys of a ring may do, and until when.

use std::path::Path;

use serde_json::{Value, json};
use session_core::{KeyRing, KeyState, KeyStatus, Kid, Ring, Timestamp};

use crate::answer::Answer;
use crate::dates::{date, now, span};

/// What was done to which key.
pub(super) struct Deed(pub(super) &'static str, pub(super) Kid);

/// The ring as it is now, and what was done to it.
pub(super) fn described(path: &Path, ring: &KeyRing, deed: Option<Deed>) -> Answer {
    let (ring, now) = (ring.snapshot(), now());
    let keys = ring.keys(now);
    let mut text = String::new();
    if let Some(Deed(what, kid)) = &deed {
        text.push_str(&format!("{what} key {kid}\n"));
    }
    text.push_str(&heading(path, &ring));
    for (position, key) in keys.iter().enumerate() {
        let successor = keys.get(position + 1).and_then(|next| next.not_before);
        let (kid, state) = (key.kid, name(key.state));
        let may = may(key, successor, now);
        text.push_str(&format!("  {kid}  {state:<7}  {may}\n"));
    }
    Answer::new(text, object(path, &ring, &keys, deed))
}

fn heading(path: &Path, ring: &Ring) -> String {
    let lifetime = ring.longest_lifetime().map(span).unwrap_or_default();
    format!(
        "{}: epoch {}, a key opens for {lifetime} after its last seal\n",
        path.display(),
        ring.epoch()
    )
}

fn object(path: &Path, ring: &Ring, keys: &[KeyStatus], deed: Option<Deed>) -> Value {
    let keys: Vec<_> = keys.iter().map(key_object).collect();
    let (done, kid) = deed.map(|Deed(what, kid)| (what, kid.to_string())).unzip();
    json!({
        "file": path.display().to_string(),
        "done": done,
        "kid": kid,
        "epoch": ring.epoch(),
        "longest_lifetime_seconds": ring.longest_lifetime().map(|lifetime| lifetime.as_secs()),
        "keys": keys,
    })
}

fn key_object(key: &KeyStatus) -> Value {
    json!({
        "kid": key.kid.to_string(),
        "state": name(key.state),
        "not_before": key.not_before.map(date),
        "open_until": key.open_until.map(date),
        "revoked": key.revoked.map(date),
    })
}

fn name(state: KeyState) -> &'static str {
    match state {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Revoked => "revoked",
        _ => "other",
    }
}

fn may(key: &KeyStatus, successor: Option<Timestamp>, now: Timestamp) -> String {
    let until = |end: Option<Timestamp>| {
        end.map_or_else(String::new, |end| format!(" until {}", date(end)))
    };
    let from = key.not_before.map(date).unwrap_or_default();
    match (key.state, key.open_until) {
        (KeyState::Pending, end) => format!("opens{}, seals from {from} on", until(end)),
        (KeyState::Active, end) => format!("seals{}, opens{}", until(successor), until(end)),
        (KeyState::Retired, Some(end)) if end <= now => {
            format!("opens nothing since {}", date(end))
        }
        (KeyState::Revoked, _) => {
            let since = key.revoked.map(date).unwrap_or_default();
            format!("opens nothing since {since}")
        }
        (_, end) => format!("opens{}", until(end)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::{KeyRingOptions, Rotation};

    use super::{date, may, now};

    #[test]
    fn each_key_says_what_it_may_do_and_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let ring = KeyRingOptions::new()
            .create(folder.path().join("ring.toml"))
            .unwrap();
        let first = ring.snapshot().keys(now())[0];
        assert_eq!(may(&first, None, now()), "seals, opens");
        ring.rotate(Rotation::after(Duration::from_secs(3600)))
            .unwrap();
        let keys = ring.snapshot().keys(now());
        let (begin, end) = (keys[1].not_before.unwrap(), keys[0].open_until.unwrap());
        let told = may(&keys[0], Some(begin), now());
        let expected = format!("seals until {}, opens until {}", date(begin), date(end));
        assert_eq!(told, expected);
        let told = may(&keys[1], None, now());
        assert_eq!(told, format!("opens, seals from {} on", date(begin)));
        let later = end.saturating_add(Duration::from_secs(1));
        let retired = ring.snapshot().keys(later)[0];
        let told = may(&retired, Some(begin), later);
        assert_eq!(told, format!("opens nothing since {}", date(end)));
    }
}
