use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::{KeyRing, KeyRingErrorKind, KeyRingOptions};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::crypto::{RandomError, with_source};
use crate::machine_key::dates::whole_seconds;
use crate::machine_key::file::render;
use crate::machine_key::ring::{RingKey, RingParts};
use crate::machine_key::schedule::Scheduled;
use crate::machine_key::{Kid, MachineKey};

const HOUR: Duration = Duration::from_secs(3600);

struct Place {
    _directory: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("machine-key.toml");
    Place {
        _directory: directory,
        path,
    }
}

fn now() -> Timestamp {
    whole_seconds(SystemClock::default().now())
}

/// Replaces the file by a ring of one fresh key.
fn write(path: &Path, epoch: u64, not_before: Timestamp) -> Kid {
    let key = MachineKey::generate().unwrap();
    let kid = key.kid();
    let created = not_before;
    let keys = vec![Scheduled {
        kid,
        not_before,
        open_until: None,
        key: RingKey { key, created },
    }];
    let longest_lifetime = 24 * HOUR;
    let parts = RingParts {
        epoch,
        longest_lifetime,
        keys,
        revoked: Vec::new(),
    };
    fs::write(path, render(&parts).as_bytes()).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    kid
}

#[test]
fn s25_a_refresh_takes_the_newer_ring() {
    let place = place();
    let first = write(&place.path, 1, now());
    let ring = KeyRing::open(&place.path).unwrap();
    let clone = ring.clone();
    assert!(!ring.refresh().unwrap());
    assert_eq!(
        (ring.generation(), ring.snapshot().sealing_kid(now())),
        (0, first)
    );
    let second = write(&place.path, 2, now());
    assert!(ring.refresh().unwrap());
    assert_eq!(
        (clone.generation(), clone.snapshot().sealing_kid(now())),
        (1, second)
    );
}

#[test]
fn s25_a_refresh_never_goes_back_to_a_lower_epoch() {
    let place = place();
    let kid = write(&place.path, 5, now());
    let ring = KeyRing::open(&place.path).unwrap();
    write(&place.path, 4, now());
    let error = ring.refresh().unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Outdated);
    assert_eq!(
        (ring.generation(), ring.snapshot().sealing_kid(now())),
        (0, kid)
    );
}

#[test]
fn c46_a_failing_refresh_keeps_the_ring_in_use() {
    let place = place();
    let kid = write(&place.path, 1, now());
    let ring = KeyRing::open(&place.path).unwrap();
    fs::write(&place.path, "version = 1\n").unwrap();
    assert_eq!(ring.refresh().unwrap_err().kind(), KeyRingErrorKind::Check);
    fs::remove_file(&place.path).unwrap();
    assert_eq!(
        ring.refresh().unwrap_err().kind(),
        KeyRingErrorKind::NotFound
    );
    assert!(!place.path.exists());
    assert_eq!(
        (ring.generation(), ring.snapshot().sealing_kid(now())),
        (0, kid)
    );
}

#[test]
fn a_clock_that_lags_up_to_the_skew_still_seals() {
    let place = place();
    write(
        &place.path,
        1,
        now().saturating_add(Duration::from_secs(4 * 60)),
    );
    assert!(KeyRing::open(&place.path).is_ok());
    write(
        &place.path,
        1,
        now().saturating_add(Duration::from_secs(7 * 60)),
    );
    let error = KeyRing::open(&place.path).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Invalid);
    assert!(error.to_string().contains("clock"), "{error}");
}

#[test]
fn s32_no_ring_is_created_without_random_bytes() {
    let place = place();
    let error = with_source(
        |_| Err(RandomError),
        || KeyRing::open_or_create(&place.path),
    );
    assert_eq!(error.unwrap_err().kind(), KeyRingErrorKind::Random);
    assert!(!place.path.exists());
    let error = with_source(|_| Err(RandomError), KeyRing::ephemeral).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Random);
}

#[test]
fn a_held_lock_is_waited_for_until_the_deadline() {
    let place = place();
    let lock = fs::File::create(place.path.with_file_name("machine-key.toml.lock")).unwrap();
    lock.lock().unwrap();
    let impatient = KeyRingOptions::new().lock_timeout(Duration::ZERO);
    let error = impatient.clone().open_or_create(&place.path).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Locked);
    assert!(!place.path.exists());
    lock.unlock().unwrap();
    impatient.open_or_create(&place.path).unwrap();
}

#[test]
fn s29_a_handle_shows_no_secret() {
    let place = place();
    let ring = KeyRing::open_or_create(&place.path).unwrap();
    let text = fs::read_to_string(&place.path).unwrap();
    let secret = &text[text.find("sk1_").unwrap() + 4..][..43];
    let protector = ring.protector("shop", &["links"]).unwrap();
    let shown = format!("{ring:?} {:?} {protector:?}", ring.snapshot());
    assert!(!shown.contains(secret), "{shown}");
}
