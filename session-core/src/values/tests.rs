//! Tests of the overlay, the merge and the map.

use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::map::Malformed;
use super::splice::Splice;
use super::{Map, OnConflict, Step, Values, decode, encode};

fn map(entries: &[(&str, u64)]) -> Map {
    let mut values = Values::default();
    for (key, number) in entries {
        values.insert(key, encode(number).unwrap(), OnConflict::Overwrite);
    }
    Map::parse(values.encode().into()).unwrap()
}

fn number(values: &Values, key: &str) -> Option<u64> {
    values.get(key).map(|bytes| decode(&bytes).unwrap())
}

fn put(values: &mut Values, key: &str, number: u64) {
    values.insert(key, encode(&number).unwrap(), OnConflict::Overwrite);
}

fn increment(values: &mut Values, key: &str) {
    let step: Step = Arc::new(|bytes| {
        let number = bytes.map_or(0, |bytes| decode::<u64>(bytes).unwrap());
        encode(&(number + 1)).ok()
    });
    let current = step(values.get(key).as_deref()).unwrap();
    values.update(key, step, current);
}

fn reload(values: &Values) -> Values {
    Values::new(Map::parse(values.encode().into()).unwrap())
}

#[test]
fn reads_see_the_overlay() {
    let mut values = Values::new(map(&[("a", 1), ("b", 2)]));
    put(&mut values, "a", 7);
    values.remove("b");
    put(&mut values, "c", 3);
    assert_eq!(number(&values, "a"), Some(7));
    assert_eq!(number(&values, "b"), None);
    assert_eq!(values.keys(), ["a", "c"]);
    let stored = reload(&values);
    assert_eq!(stored.keys(), ["a", "c"]);
    assert!(!stored.is_changed());
}

#[test]
fn what_changes_nothing_is_no_change() {
    let mut values = Values::new(map(&[("a", 1)]));
    assert_eq!(values.remove("missing"), None);
    assert_eq!(values.take("missing"), None);
    values.guard("a");
    put(&mut values, "new", 1);
    values.remove("new");
    assert!(!values.is_changed());
    let mut empty = Values::default();
    empty.clear();
    assert!(!empty.is_changed());
}

#[test]
fn n01_different_keys_merge() {
    let mut values = Values::new(map(&[("a", 1)]));
    put(&mut values, "b", 2);
    let merged = values.merge(map(&[("a", 5), ("c", 3)])).unwrap();
    assert_eq!(merged.overwritten, 0);
    let stored = reload(&values);
    let found = ["a", "b", "c"].map(|key| number(&stored, key));
    assert_eq!(found, [Some(5), Some(2), Some(3)]);
}

#[test]
fn n02_updates_run_again_on_the_newer_value() {
    let mut values = Values::new(map(&[("n", 1)]));
    increment(&mut values, "n");
    increment(&mut values, "n");
    values.merge(map(&[("n", 10)])).unwrap();
    assert_eq!(number(&values, "n"), Some(12));
    values.merge(map(&[("n", 20)])).unwrap();
    assert_eq!(number(&reload(&values), "n"), Some(22));
}

#[test]
fn a_refused_update_is_a_conflict() {
    let mut values = Values::new(map(&[("stock", 1)]));
    let step: Step = Arc::new(|bytes| {
        let left: u64 = decode(bytes?).ok()?;
        encode(&left.checked_sub(1)?).ok()
    });
    let current = step(values.get("stock").as_deref()).unwrap();
    values.update("stock", step, current);
    assert_eq!(
        &*values.merge(map(&[("stock", 0)])).unwrap_err().key,
        "stock"
    );
}

#[test]
fn an_update_of_an_inserted_value_stays_absolute() {
    let mut values = Values::new(map(&[("n", 1)]));
    put(&mut values, "n", 100);
    increment(&mut values, "n");
    let merged = values.merge(map(&[("n", 50)])).unwrap();
    assert_eq!((number(&values, "n"), merged.overwritten), (Some(101), 1));
}

#[test]
fn n14_a_value_that_was_taken_must_not_have_changed() {
    let mut values = Values::new(map(&[("flash", 1)]));
    assert!(values.take("flash").is_some());
    assert!(values.merge(map(&[("flash", 1), ("x", 1)])).is_ok());
    assert!(values.merge(map(&[("x", 1)])).is_err());
    assert_eq!(reload(&values).keys(), ["x"]);
}

#[test]
fn guards_and_rejecting_inserts_fail_on_a_change() {
    let base = [("cart", 1)];
    let mut guarded = Values::new(map(&base));
    guarded.guard("cart");
    put(&mut guarded, "other", 1);
    assert!(guarded.merge(map(&[("cart", 2)])).is_err());

    let mut rejecting = Values::new(map(&base));
    rejecting.insert("cart", encode(&9).unwrap(), OnConflict::Reject);
    assert!(rejecting.merge(map(&[("cart", 1), ("x", 2)])).is_ok());
    assert!(rejecting.merge(map(&[])).is_err());
}

#[test]
fn clear_spares_the_reserved_keys() {
    let mut values = Values::new(map(&[("$principal", 1), ("a", 2)]));
    put(&mut values, "b", 3);
    values.clear();
    put(&mut values, "c", 4);
    assert_eq!(values.keys(), ["c"]);
    values
        .merge(map(&[("$principal", 1), ("a", 2), ("late", 9)]))
        .unwrap();
    let stored = reload(&values);
    assert_eq!(
        (stored.keys(), number(&stored, "$principal")),
        (vec!["c".to_owned()], Some(1))
    );
}

#[test]
fn reserved_keys_come_first_whenever_they_are_written() {
    let mut values = Values::default();
    put(&mut values, "a", 1);
    let mut later = reload(&values);
    put(&mut later, "b", 2);
    put(&mut later, "$max_age", 3);
    let mut last = reload(&later);
    put(&mut last, "$principal", 4);
    last.remove("a");
    let stored = reload(&last);
    let found = ["$principal", "$max_age", "b"].map(|key| number(&stored, key));
    assert_eq!(found, [Some(4), Some(3), Some(2)]);
    assert_eq!(stored.keys(), ["b"]);
}

#[test]
fn maps_of_every_size_are_read_back() {
    for count in [0, 1, 15, 16, 17, 300, 0xffff, 0x1_0000] {
        let mut entries = Splice::new(count, count * 8);
        for number in 0..count {
            entries.add(format!("{number:x}").as_bytes(), &[0xc0]);
        }
        let map = Map::parse(entries.finish().into()).unwrap();
        assert_eq!(map.iter().count(), count);
    }
    let long = "k".repeat(255);
    let mut values = Values::new(map(&[(&long, 1)]));
    put(&mut values, "a", 2);
    values.remove(&long);
    assert_eq!(reload(&values).keys(), ["a"]);
}

#[test]
fn s27_malformed_maps_are_refused() {
    let whole = map(&[("a", 1), ("b", u64::MAX)]);
    let bytes = {
        let mut values = Values::new(whole);
        put(&mut values, "text", 5);
        values.encode()
    };
    for length in 0..bytes.len() {
        assert_eq!(
            Map::parse(bytes[..length].to_vec().into()).err(),
            Some(Malformed),
            "{length}"
        );
    }
    let mut longer = bytes;
    longer.push(0xc0);
    assert!(Map::parse(longer.into()).is_err());
    let lies: [&[u8]; 4] = [
        &[0x81, 0xa1, b'k', 0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0x01, 0x02],
        &[0x81, 0xa1, 0xff, 0x01],
    ];
    for lie in lies {
        assert!(Map::parse(lie.to_vec().into()).is_err(), "{lie:x?}");
    }
}

#[test]
fn s27_deep_values_are_passed_over_and_not_decoded() {
    let mut bytes = vec![0x81, 0xa1, b'k'];
    bytes.extend(std::iter::repeat_n(0x91, 100_000));
    bytes.push(0xc0);
    let deep = Map::parse(bytes.into()).unwrap().get("k").unwrap();
    assert!(decode::<serde_json::Value>(&deep).is_err());
}

#[derive(Clone, Debug)]
enum Op {
    Put(u64),
    Remove,
    Increment,
    Clear,
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let op = prop_oneof![
        4 => any::<u32>().prop_map(|number| Op::Put(number.into())),
        2 => Just(Op::Remove),
        4 => Just(Op::Increment),
        1 => Just(Op::Clear),
    ];
    proptest::collection::vec((0..4_usize, op), 0..12)
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

fn apply(values: &mut Values, ops: &[(usize, Op)]) {
    for (key, op) in ops {
        match op {
            Op::Put(number) => put(values, KEYS[*key], *number),
            Op::Remove => drop(values.remove(KEYS[*key])),
            Op::Increment => increment(values, KEYS[*key]),
            Op::Clear => values.clear(),
        }
    }
}

fn contents(values: &Values) -> [Option<u64>; 4] {
    KEYS.map(|key| number(values, key))
}

proptest! {
    /// What is read back is what was seen before saving.
    #[test]
    fn saving_keeps_what_was_seen(first in ops(), second in ops()) {
        let mut values = Values::default();
        apply(&mut values, &first);
        let mut stored = reload(&values);
        prop_assert_eq!(contents(&stored), contents(&values));
        apply(&mut stored, &second);
        prop_assert_eq!(contents(&reload(&stored)), contents(&stored));
    }

    /// Merging onto a base in which the same keys exist equals running the operations there.
    #[test]
    fn merging_replays(base in any::<[u32; 4]>(), newer in any::<[u32; 4]>(), ops in ops()) {
        let full = |numbers: [u32; 4]| {
            let entries: Vec<_> = KEYS.into_iter().zip(numbers.map(u64::from)).collect();
            map(&entries)
        };
        let mut merged = Values::new(full(base));
        apply(&mut merged, &ops);
        merged.merge(full(newer)).unwrap();
        let mut replayed = Values::new(full(newer));
        apply(&mut replayed, &ops);
        prop_assert_eq!(contents(&merged), contents(&replayed));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(map) = Map::parse(bytes.into()) {
            let _ = map.iter().count();
        }
    }
}
