use std::time::Duration;

use zeroize::Zeroizing;

use super::{Difference, FleetRow, Verdict, judge};
use crate::clock::Timestamp;
use crate::machine_key::MachineKey;
use crate::machine_key::ring::{Revoked, Ring, RingKey, RingParts};
use crate::machine_key::schedule::Scheduled;

const HOUR: i64 = 3_600_000;
const APP: &str = "shop";

fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + hour * HOUR)
}

/// The same key for the same number.
fn key(number: u8) -> MachineKey {
    MachineKey::from_secret(Zeroizing::new([number; MachineKey::LENGTH]))
}

/// Keys as (number, seals from, opens until), and the numbers of revoked ones.
fn dated(epoch: u64, keys: &[(u8, i64, Option<i64>)], revoked: &[u8]) -> Ring {
    let scheduled = |&(number, from, until): &(u8, i64, Option<i64>)| Scheduled {
        kid: key(number).kid(),
        not_before: at(from),
        open_until: until.map(at),
        key: RingKey {
            key: key(number),
            created: at(from),
        },
    };
    let tombstone = |number: &u8| Revoked {
        kid: key(*number).kid(),
        since: at(0),
    };
    let parts = RingParts {
        epoch,
        longest_lifetime: Duration::from_secs(3600),
        keys: keys.iter().map(scheduled).collect(),
        revoked: revoked.iter().map(tombstone).collect(),
    };
    Ring::dated(parts, [0; 32]).unwrap()
}

/// A ring as the environment gives it: the first key seals.
fn undated(numbers: &[u8]) -> Ring {
    let (first, others) = numbers.split_first().unwrap();
    Ring::undated(
        key(*first),
        others.iter().map(|number| key(*number)).collect(),
    )
    .unwrap()
}

fn written(ring: &Ring, hour: i64) -> FleetRow {
    FleetRow::of(ring, APP, "web1", at(hour))
}

/// What a ring is to the row that another ring wrote, both at the hour 10.
fn verdict(ring: &Ring, of: &Ring) -> Verdict {
    judge(ring, APP, &written(of, 10), at(10))
}

fn drift_of_sealing_key() -> Verdict {
    Verdict::Drift(Difference::SealingKey)
}

#[test]
fn one_key_more_is_a_newer_ring_and_one_less_an_older_one() {
    let first = dated(1, &[(1, 0, None)], &[]);
    let pending = dated(2, &[(1, 0, Some(90)), (2, 11, None)], &[]);
    let active = dated(2, &[(1, 0, Some(90)), (2, 9, None)], &[]);
    assert_eq!(verdict(&first, &first), Verdict::InStep);
    assert_eq!(verdict(&pending, &first), Verdict::RingIsNewer);
    assert_eq!(verdict(&first, &pending), Verdict::RowIsNewer);
    assert_eq!(verdict(&active, &first), Verdict::RingIsNewer);
    assert_eq!(verdict(&first, &active), Verdict::Lagging);
}

#[test]
fn c44_other_keys_are_drift_whatever_the_epochs_are() {
    let other = |epoch| dated(epoch, &[(9, 0, None)], &[]);
    let ours = dated(2, &[(1, 0, None)], &[]);
    for (ring, of, expected) in [
        (&ours, &other(1), drift_of_sealing_key()),
        (&ours, &other(2), Verdict::Drift(Difference::Keys)),
        (&ours, &other(3), drift_of_sealing_key()),
        (&undated(&[1]), &undated(&[9]), drift_of_sealing_key()),
        (&undated(&[1]), &other(3), drift_of_sealing_key()),
        (&ours, &undated(&[9]), drift_of_sealing_key()),
    ] {
        assert_eq!(verdict(ring, of), expected, "{ring:?} {of:?}");
    }
}

#[test]
fn c44_two_rotations_of_one_ring_are_drift() {
    let here = dated(2, &[(1, 0, Some(90)), (2, 11, None)], &[]);
    let there = dated(2, &[(1, 0, Some(90)), (3, 11, None)], &[]);
    assert_eq!(verdict(&here, &there), Verdict::Drift(Difference::Keys));
    let later = dated(3, &[(1, 0, Some(90)), (3, 9, None)], &[]);
    assert_eq!(verdict(&here, &later), Verdict::Lagging);
    assert_eq!(verdict(&later, &there), Verdict::RingIsNewer);
    let sealed_there = dated(2, &[(1, 0, Some(90)), (4, 9, None)], &[]);
    assert_eq!(verdict(&later, &sealed_there), drift_of_sealing_key());
}

#[test]
fn a_key_that_begins_to_seal_is_written_into_the_row() {
    let ring = dated(2, &[(1, 0, Some(90)), (2, 11, None)], &[]);
    let before = written(&ring, 10);
    assert_eq!(judge(&ring, APP, &before, at(12)), Verdict::RingIsNewer);
    let after = written(&ring, 12);
    assert_eq!(judge(&ring, APP, &after, at(12)), Verdict::InStep);
    assert_eq!(
        judge(&ring, APP, &after, at(10)),
        Verdict::InStep,
        "a clock behind"
    );
}

#[test]
fn a_key_that_no_longer_opens_may_be_missing_in_the_row() {
    let ring = dated(2, &[(1, 0, Some(20)), (2, 11, None)], &[]);
    let late = written(&ring, 21);
    assert_eq!(judge(&ring, APP, &late, at(21)), Verdict::InStep);
    let minutes = |minutes: i64| Timestamp::from_millis(at(20).as_millis() - minutes * 60_000);
    assert_eq!(
        judge(&ring, APP, &late, minutes(5)),
        Verdict::InStep,
        "within the skew"
    );
    let early = judge(&ring, APP, &late, minutes(6));
    assert_eq!(early, Verdict::Drift(Difference::Keys));
    let written_early = written(&ring, 12);
    assert_eq!(judge(&ring, APP, &written_early, at(21)), Verdict::InStep);
}

#[test]
fn c42_revoked_keys_are_part_of_what_is_compared() {
    let two = dated(2, &[(1, 0, Some(90)), (2, 9, None)], &[]);
    let revoked = dated(3, &[(2, 9, None)], &[1]);
    assert_eq!(verdict(&revoked, &two), Verdict::RingIsNewer);
    assert_eq!(verdict(&two, &revoked), Verdict::RowIsNewer);
    let tombstone_lost = dated(3, &[(2, 9, None)], &[]);
    for (ring, of) in [(&tombstone_lost, &revoked), (&revoked, &tombstone_lost)] {
        assert_eq!(verdict(ring, of), Verdict::Drift(Difference::Keys));
    }
}

#[test]
fn c42_an_emergency_leaves_no_key_in_common_and_is_no_drift_of_the_new_ring() {
    let leaked = dated(1, &[(1, 0, None)], &[]);
    let replaced = dated(2, &[(2, 9, None)], &[1]);
    assert_eq!(verdict(&replaced, &leaked), Verdict::RingIsNewer);
    let expected = Verdict::Drift(Difference::Revoked(key(1).kid()));
    assert_eq!(verdict(&leaked, &replaced), expected);
}

#[test]
fn a_row_that_a_key_does_not_confirm_is_drift() {
    let ring = dated(1, &[(1, 0, None)], &[]);
    let expected = Verdict::Drift(Difference::Tag(key(1).kid()));
    let mut forged = written(&ring, 10);
    forged.opening[0].1[31] ^= 1;
    assert_eq!(judge(&ring, APP, &forged, at(10)), expected);
    let mut moved = written(&ring, 10);
    moved.epoch = 2;
    assert_eq!(
        judge(&ring, APP, &moved, at(10)),
        expected,
        "the tag covers the epoch"
    );
    let row = written(&ring, 10);
    assert_eq!(
        judge(&ring, "other", &row, at(10)),
        expected,
        "and the application"
    );
}

#[test]
fn from_given_keys_to_a_ring_file_and_back() {
    let given = undated(&[1]);
    let file = dated(1, &[(1, 0, None)], &[]);
    assert_eq!(verdict(&file, &given), Verdict::RingIsNewer);
    assert_eq!(verdict(&given, &file), Verdict::RowIsNewer);
    let rotated = dated(2, &[(1, 0, Some(90)), (2, 9, None)], &[]);
    assert_eq!(verdict(&given, &rotated), Verdict::Lagging);
}

/// What two instances with given keys see, one after the other, while they rotate by two
/// deployments. A row is written by whoever starts.
#[test]
fn c41_given_keys_rotate_by_two_deployments_in_either_order() {
    let deployments = [&[1][..], &[1, 2], &[2, 1], &[2]];
    for steps in deployments.windows(2) {
        for order in [[0, 1], [1, 0]] {
            let mut nodes = [undated(steps[0]), undated(steps[0])];
            let mut row = written(&nodes[0], 0);
            for node in order {
                nodes[node] = undated(steps[1]);
                let starts = judge(&nodes[node], APP, &row, at(1));
                assert!(
                    matches!(starts, Verdict::InStep | Verdict::OtherList),
                    "{steps:?} {order:?}: {starts:?}"
                );
                row = written(&nodes[node], 1);
                for running in &nodes {
                    let verdict = judge(running, APP, &row, at(1));
                    assert!(
                        matches!(verdict, Verdict::InStep | Verdict::OtherList),
                        "{steps:?} {order:?}: {verdict:?}"
                    );
                }
            }
            assert_eq!(judge(&nodes[0], APP, &row, at(1)), Verdict::InStep);
        }
    }
}

#[test]
fn c41_given_keys_that_rotate_by_one_deployment_are_noticed() {
    let (old, both) = (undated(&[1]), undated(&[2, 1]));
    assert_eq!(verdict(&both, &old), Verdict::OtherList);
    assert_eq!(verdict(&old, &both), Verdict::Lagging);
    assert_eq!(verdict(&undated(&[2]), &old), drift_of_sealing_key());
    let two_new_keys = [undated(&[2, 1]), undated(&[3, 1])];
    assert_eq!(
        verdict(&two_new_keys[0], &two_new_keys[1]),
        Verdict::Lagging
    );
}
