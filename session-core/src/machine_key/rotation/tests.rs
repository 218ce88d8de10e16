use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{KeyRing, LEAST, MachineKey, Rotation};
use crate::cause::Cause;
use crate::clock::{Clock, Timestamp};
use crate::crypto::{RandomError, with_source};
use crate::machine_key::file::LARGEST;
use crate::machine_key::{KeyRingErrorKind, KeyRingOptions, KeyState, Kid, file};

const SECOND: Duration = Duration::from_secs(1);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
struct Hand(AtomicI64);

impl Hand {
    fn advance(&self, by: Duration) {
        let now = self.now().saturating_add(by);
        self.0.store(now.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

struct Place {
    directory: TempDir,
    clock: Arc<Hand>,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(Hand(AtomicI64::new(1_000_000_000_123))),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("machine-key.toml")
    }

    fn ring(&self) -> KeyRing {
        let options = KeyRingOptions::new().longest_lifetime(LONGEST_LIFETIME);
        let options = options.clock(Arc::clone(&self.clock) as Arc<dyn Clock>);
        options.open_or_create(self.path()).unwrap()
    }

    fn sealing(&self, ring: &KeyRing) -> Kid {
        ring.snapshot().sealing_kid(self.clock.now())
    }

    fn opens(&self, ring: &KeyRing, kid: Kid) -> Result<(), Cause> {
        ring.snapshot().check_opening(kid, self.clock.now())
    }
}

#[test]
fn a_new_key_opens_at_once_and_seals_when_everybody_has_it() {
    let place = Place::new();
    let (ring, other) = (place.ring(), place.ring());
    let old = place.sealing(&ring);
    let added = ring.rotate(Rotation::gradual(60 * SECOND)).unwrap();
    assert_eq!(added.state, KeyState::Pending);
    assert!(other.refresh().unwrap());
    for ring in [&ring, &other] {
        assert_eq!(ring.snapshot().epoch(), 2);
        assert_eq!(place.sealing(ring), old);
        assert_eq!(place.opens(ring, added.kid), Ok(()));
    }
    place.clock.advance(LEAST - SECOND);
    assert_eq!(place.sealing(&ring), old);
    place.clock.advance(SECOND);
    assert_eq!(place.sealing(&ring), added.kid);
    assert_eq!(place.sealing(&other), added.kid);
}

#[test]
fn slow_readers_get_ten_readings() {
    let delay = |refresh| Rotation::gradual(refresh).delay;
    assert_eq!(delay(Duration::ZERO), LEAST);
    assert_eq!(delay(360 * SECOND), LEAST);
    assert_eq!(delay(361 * SECOND), LEAST + 10 * SECOND);
    assert_eq!(delay(Duration::MAX), Duration::MAX);
}

#[test]
fn the_old_key_opens_for_the_longest_lifetime_after_its_last_seal() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    ring.rotate(Rotation::after(10 * SECOND)).unwrap();
    place.clock.advance(10 * SECOND + LONGEST_LIFETIME);
    assert_eq!(place.opens(&ring, old), Ok(()));
    place.clock.advance(5 * 60 * SECOND);
    assert_eq!(place.opens(&ring, old), Err(Cause::RetiredKey));
}

#[test]
fn in_an_emergency_the_new_key_seals_at_once() {
    let place = Place::new();
    let ring = place.ring();
    let pending = ring.rotate(Rotation::gradual(SECOND)).unwrap().kid;
    let first = ring.rotate(Rotation::at_once()).unwrap();
    place.clock.advance(2 * SECOND);
    assert_eq!(place.sealing(&ring), first.kid);
    let second = ring.rotate(Rotation::at_once()).unwrap();
    assert_eq!(second.state, KeyState::Active);
    place.clock.advance(LEAST);
    assert_eq!(place.sealing(&ring), pending);
    assert_eq!(place.opens(&ring, first.kid), Ok(()));
}

#[test]
fn rotations_within_a_second_leave_one_sealer_for_each() {
    let place = Place::new();
    let ring = place.ring();
    let rotated = [(); 5].map(|()| ring.rotate(Rotation::at_once()).unwrap());
    let last = rotated[4];
    assert_eq!(ring.snapshot().epoch(), 6);
    place.clock.advance(5 * SECOND);
    assert_eq!(place.sealing(&ring), last.kid);
    assert_eq!(place.sealing(&place.ring()), last.kid);
}

#[test]
fn of_rotations_at_the_same_time_none_is_lost() {
    let place = Place::new();
    let first = place.ring();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| place.ring().rotate(Rotation::at_once()).unwrap());
        }
    });
    first.refresh().unwrap();
    assert_eq!(first.snapshot().epoch(), 5);
    assert_eq!(first.snapshot().keys(place.clock.now()).len(), 5);
}

#[test]
fn s25_a_ring_that_went_back_is_not_built_upon() {
    let place = Place::new();
    let ring = place.ring();
    let older = fs::read(place.path()).unwrap();
    ring.rotate(Rotation::at_once()).unwrap();
    fs::write(place.path(), &older).unwrap();
    let error = ring.rotate(Rotation::at_once()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Outdated);
    assert_eq!(fs::read(place.path()).unwrap(), older);
    assert_eq!(ring.snapshot().epoch(), 2);
}

#[test]
fn a_damaged_ring_is_not_built_upon() {
    let place = Place::new();
    let ring = place.ring();
    fs::write(place.path(), "version = 1\n").unwrap();
    let error = ring.rotate(Rotation::at_once()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Check);
    assert_eq!(fs::read(place.path()).unwrap(), b"version = 1\n");
    fs::remove_file(place.path()).unwrap();
    let error = ring.rotate(Rotation::at_once()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::NotFound);
    assert!(!place.path().exists());
}

#[test]
fn s32_no_key_is_added_without_random_bytes() {
    let place = Place::new();
    let ring = place.ring();
    let before = fs::read(place.path()).unwrap();
    let rotate = || ring.rotate(Rotation::at_once());
    let error = with_source(|_| Err(RandomError), rotate).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Random);
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_ring_that_would_be_too_large_to_read_is_not_written() {
    let place = Place::new();
    let ring = place.ring();
    let (mut parts, _) = file::read(&fs::read(place.path()).unwrap()).unwrap();
    let mut larger = file::render(&parts);
    while larger.len() as u64 <= LARGEST {
        fs::write(place.path(), larger.as_bytes()).unwrap();
        let key = MachineKey::generate().unwrap();
        parts.succeed(key, place.clock.now(), Duration::ZERO);
        larger = file::render(&parts);
    }
    let largest = fs::read(place.path()).unwrap();
    let error = ring.rotate(Rotation::at_once()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::Invalid);
    assert!(error.to_string().contains("larger"), "{error}");
    assert_eq!(fs::read(place.path()).unwrap(), largest);
}

#[test]
fn a_ring_without_a_file_is_rotated_by_deployment() {
    let ring = KeyRing::ephemeral().unwrap();
    let error = ring.rotate(Rotation::at_once()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::NotAFile);
    assert_eq!(ring.snapshot().epoch(), 0);
}

#[cfg(unix)]
#[test]
fn the_file_keeps_its_mode_and_its_links_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    let place = Place::new();
    place.ring();
    let link = place.directory.path().join("current");
    symlink("machine-key.toml", &link).unwrap();
    // Root may give it to a group, which must then still be able to read it.
    let mode = match chown(place.path(), None, Some(65534)) {
        Ok(()) => 0o440,
        Err(_) => 0o400,
    };
    fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
    let before = place.path().metadata().unwrap();
    let ring = KeyRing::open(&link).unwrap();
    ring.rotate(Rotation::at_once()).unwrap();
    let after = place.path().metadata().unwrap();
    assert_eq!(after.mode(), before.mode());
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino());
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let names = fs::read_dir(place.directory.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["current", "machine-key.toml", "machine-key.toml.lock"]
    );
}
