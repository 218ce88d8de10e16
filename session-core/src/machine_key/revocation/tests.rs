use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{KeyRing, Kid, MachineKey};
use crate::cause::Cause;
use crate::clock::{Clock, Timestamp};
use crate::machine_key::{KeyRingErrorKind, KeyRingOptions, KeyState, Rotation};

const HOUR: Duration = Duration::from_secs(60 * 60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
struct Hand(AtomicI64);

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

    fn advance(&self, by: Duration) {
        let now = self.clock.now().saturating_add(by);
        self.clock.0.store(now.as_millis(), Ordering::Relaxed);
    }

    fn sealing(&self, ring: &KeyRing) -> Kid {
        ring.snapshot().sealing_kid(self.clock.now())
    }

    fn opens(&self, ring: &KeyRing, kid: Kid) -> Result<(), Cause> {
        ring.snapshot().check_opening(kid, self.clock.now())
    }

    /// The kinds of refusal that leave the file as it was.
    fn refused(&self, ring: &KeyRing, change: impl FnOnce(&KeyRing) -> KeyRingErrorKind) {
        let before = fs::read(self.path()).unwrap();
        assert_eq!(change(ring), KeyRingErrorKind::Refused);
        assert_eq!(fs::read(self.path()).unwrap(), before);
    }
}

#[test]
fn s25_a_revoked_key_opens_nothing_and_leaves_its_id_alone() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    let secret = ring.snapshot().export(place.clock.now()).remove(0);
    ring.rotate(Rotation::at_once()).unwrap();
    place.advance(HOUR);
    let revoked = ring.revoke(old).unwrap();
    assert_eq!(revoked.state, KeyState::Revoked);
    assert_eq!(place.opens(&ring, old), Err(Cause::RevokedKey));
    assert_eq!(ring.snapshot().epoch(), 3);
    let text = fs::read_to_string(place.path()).unwrap();
    assert!(!text.contains(secret.as_str()) && text.contains(&old.to_string()));
    place.refused(&ring, |ring| ring.revoke(old).unwrap_err().kind());
    let again = MachineKey::parse(secret.as_str()).unwrap();
    place.refused(&ring, |ring| ring.add(again).unwrap_err().kind());
}

#[test]
fn the_key_that_seals_goes_only_with_a_successor() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    place.refused(&ring, |ring| ring.revoke(old).unwrap_err().kind());
    let pending = ring.rotate(Rotation::after(HOUR)).unwrap().kid;
    place.refused(&ring, |ring| ring.revoke(old).unwrap_err().kind());
    ring.revoke_and_rotate(old).unwrap();
    let fresh = place.sealing(&ring);
    assert!(fresh != old && fresh != pending);
    place.advance(HOUR);
    assert_eq!(place.sealing(&ring), pending);
    assert_eq!(place.opens(&ring, fresh), Ok(()));
}

#[test]
fn the_only_key_can_be_replaced_at_once() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    ring.revoke_and_rotate(old).unwrap();
    assert_ne!(place.sealing(&ring), old);
    assert_eq!(ring.snapshot().epoch(), 2);
    assert_eq!(place.ring().snapshot().keys(place.clock.now()).len(), 2);
}

#[test]
fn and_rotate_makes_no_key_where_another_one_seals() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    let new = ring.rotate(Rotation::at_once()).unwrap().kid;
    place.advance(HOUR);
    ring.revoke_and_rotate(old).unwrap();
    assert_eq!(place.sealing(&ring), new);
    assert_eq!(ring.snapshot().keys(place.clock.now()).len(), 2);
}

#[test]
fn without_its_successor_the_key_that_seals_opens_on() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    let pending = ring.rotate(Rotation::after(HOUR)).unwrap().kid;
    let later = ring.rotate(Rotation::after(48 * HOUR)).unwrap().kid;
    ring.revoke(pending).unwrap();
    place.advance(47 * HOUR);
    assert_eq!(place.sealing(&ring), old);
    assert_eq!(place.opens(&ring, old), Ok(()));
    ring.revoke(later).unwrap();
    place.advance(1000 * HOUR);
    assert_eq!(place.sealing(&ring), old);
    assert_eq!(place.opens(&ring, old), Ok(()));
}

#[test]
fn keys_that_ended_do_not_stand_in_the_way() {
    let place = Place::new();
    let ring = place.ring();
    let first = place.sealing(&ring);
    place.advance(HOUR);
    let second = ring.rotate(Rotation::at_once()).unwrap().kid;
    place.advance(LONGEST_LIFETIME + HOUR);
    ring.revoke_and_rotate(second).unwrap();
    assert_eq!(place.opens(&ring, second), Err(Cause::RevokedKey));
    assert!(place.opens(&ring, first).is_err());
    assert_eq!(place.ring().snapshot().epoch(), 3);
}

#[test]
fn however_many_keys_have_ended_the_last_one_can_be_replaced() {
    let place = Place::new();
    let ring = place.ring();
    for _ in 0..3 {
        place.advance(HOUR);
        ring.rotate(Rotation::at_once()).unwrap();
    }
    let last = place.sealing(&ring);
    place.advance(LONGEST_LIFETIME + HOUR);
    ring.revoke_and_rotate(last).unwrap();
    assert_ne!(place.sealing(&ring), last);
}

/// Whatever is done in whatever order, the file can be opened, its epoch counts the changes, and
/// a key that was revoked stays so.
#[test]
fn s25_no_order_of_changes_makes_a_ring_that_is_none() {
    for seed in 0..8_u64 {
        let place = Place::new();
        let ring = place.ring();
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        let mut epoch = 1;
        let mut revoked = Vec::new();
        for _ in 0..40 {
            let keys = ring.snapshot().keys(place.clock.now());
            let kid = keys[draw(keys.len())].kid;
            let changed = match draw(7) {
                0 => ring.rotate(Rotation::at_once()),
                1 => ring.rotate(Rotation::after(HOUR * draw(40) as u32)),
                2 => ring.add(MachineKey::generate().unwrap()),
                3 => ring.retire(place.sealing(&ring)),
                4 => ring.revoke(kid),
                5 => ring.revoke_and_rotate(kid),
                _ => {
                    place.advance(HOUR * draw(30) as u32);
                    continue;
                }
            };
            match changed {
                Ok(status) => {
                    epoch += 1;
                    revoked.extend((status.state == KeyState::Revoked).then_some(status.kid));
                }
                Err(error) => assert_eq!(error.kind(), KeyRingErrorKind::Refused, "{error}"),
            }
            let snapshot = place.ring().snapshot();
            assert_eq!(snapshot.epoch(), epoch);
            let keys = snapshot.keys(place.clock.now());
            let active = keys.iter().filter(|key| key.state == KeyState::Active);
            assert_eq!(active.count(), 1);
            for kid in &revoked {
                assert_eq!(place.opens(&ring, *kid), Err(Cause::RevokedKey));
            }
        }
    }
}

#[test]
fn a_key_hands_over_before_its_time_if_there_is_a_successor() {
    let place = Place::new();
    let ring = place.ring();
    let old = place.sealing(&ring);
    place.refused(&ring, |ring| ring.retire(old).unwrap_err().kind());
    let next = ring.rotate(Rotation::after(10 * HOUR)).unwrap().kid;
    place.refused(&ring, |ring| ring.retire(next).unwrap_err().kind());
    place.advance(HOUR);
    let retired = ring.retire(old).unwrap();
    assert_eq!(retired.state, KeyState::Retired);
    assert_eq!(place.sealing(&ring), next);
    place.refused(&ring, |ring| ring.retire(old).unwrap_err().kind());
    place.advance(LONGEST_LIFETIME);
    assert_eq!(place.opens(&ring, old), Ok(()));
    place.advance(HOUR);
    assert_eq!(place.opens(&ring, old), Err(Cause::RetiredKey));
    assert_eq!(ring.snapshot().epoch(), 3);
}

#[test]
fn a_key_from_elsewhere_opens_and_never_seals() {
    let place = Place::new();
    let ring = place.ring();
    let sealing = place.sealing(&ring);
    let key = MachineKey::generate().unwrap();
    let text = key.to_text();
    let added = ring.add(key).unwrap();
    assert_eq!(added.state, KeyState::Retired);
    assert_eq!(place.sealing(&ring), sealing);
    assert_eq!(place.opens(&ring, added.kid), Ok(()));
    let again = MachineKey::parse(text.as_str()).unwrap();
    place.refused(&ring, |ring| ring.add(again).unwrap_err().kind());
    let exported = ring.snapshot().export(place.clock.now());
    assert_eq!(exported.len(), 2);
    assert_eq!(exported[1].as_str(), text.as_str());
    place.advance(LONGEST_LIFETIME + HOUR);
    assert_eq!(place.opens(&ring, added.kid), Err(Cause::RetiredKey));
    assert_eq!(ring.snapshot().export(place.clock.now()).len(), 1);
}

#[test]
fn c45_a_ring_is_created_only_where_nothing_is() {
    let place = Place::new();
    let ring = KeyRingOptions::new().create(place.path()).unwrap();
    assert_eq!(ring.snapshot().epoch(), 1);
    let before = fs::read(place.path()).unwrap();
    let error = KeyRingOptions::new().create(place.path()).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::AlreadyExists);
    assert_eq!(fs::read(place.path()).unwrap(), before);
}
