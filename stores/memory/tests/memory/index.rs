//! The principal index never disagrees with the sessions.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Cursor, EndReason, LeaseUse, Lifetime, Load, PrincipalKey, Record, SessionStore, StoreKey,
};
use session_store_memory::MemoryStore;

use crate::fixture::{Fixture, record_of_size};

const PRINCIPALS: u8 = 3;

/// n12: after a random history of everything that can happen to a session, the index shows
/// exactly the live sessions, and nothing is left of it in the end.
#[tokio::test]
async fn n12_index_agrees_with_the_sessions() {
    let fixture = Fixture::new(MemoryStore::builder());
    let mut random = Random(7);
    let mut keys = Vec::new();
    for _ in 0..3_000 {
        step(&fixture, &mut random, &mut keys).await;
    }
    let mut expected = live_owners(&fixture, &keys).await;
    let mut listed = Vec::new();
    for principal in (0..PRINCIPALS).map(principal) {
        listed.extend(
            keys_of(&fixture, principal)
                .await
                .into_iter()
                .map(|key| (principal, key)),
        );
    }
    expected.sort();
    listed.sort();
    assert!(!listed.is_empty());
    assert_eq!(listed, expected);
}

/// Ending one principal's sessions spares those of another that the index cannot tell apart.
#[tokio::test]
async fn delete_all_spares_a_principal_with_the_same_prefix() {
    let fixture = Fixture::new(MemoryStore::builder());
    let mut keys = Vec::new();
    for owner in [0, 1, 0] {
        let record = Record {
            principal: Some(principal(owner)),
            ..record_of_size(10)
        };
        let key = fixture.key();
        let store = Arc::clone(&fixture.store);
        store
            .create(key, record, lifetime(&mut Random(1)))
            .await
            .unwrap();
        keys.push(key);
    }
    let store = Arc::clone(&fixture.store);
    assert_eq!(store.delete_all(principal(0), None).await.unwrap(), 2);
    assert_eq!(keys_of(&fixture, principal(0)).await, []);
    assert_eq!(keys_of(&fixture, principal(1)).await, [keys[1]]);
}

/// A cursor that this store did not make is an error, not an empty page.
#[tokio::test]
async fn foreign_cursor_is_an_error() {
    let fixture = Fixture::new(MemoryStore::builder());
    let foreign = Some(Cursor::new(vec![1, 2, 3]));
    let list = Arc::clone(&fixture.store).list(principal(0), foreign).await;
    assert!(list.is_err());
}

async fn step(fixture: &Fixture, random: &mut Random, keys: &mut Vec<StoreKey>) {
    let store = Arc::clone(&fixture.store);
    let key = keys.get(random.below(keys.len().max(1))).copied();
    match (random.below(8), key) {
        (0..=2, _) | (_, None) => {
            let key = fixture.key();
            store
                .create(key, owned(random), lifetime(random))
                .await
                .unwrap();
            keys.push(key);
        }
        (3, Some(key)) => drop(store.delete(key, EndReason::Destroyed).await),
        (4, Some(key)) => {
            fixture.touch(key).await;
        }
        (5, Some(_)) => {
            fixture.advance(Duration::from_secs(1));
            fixture.sweep(2).await;
        }
        (choice, Some(key)) => {
            if let Load::Found(loaded) = fixture.load(key).await {
                let (record, lifetime) = (owned(random), lifetime(random));
                let base = loaded.revision;
                if choice == 6 {
                    let save = store.save(key, base, record, lifetime, LeaseUse::None);
                    save.await.unwrap();
                } else {
                    let to = fixture.renewed(key);
                    let rename = store.rename(key, to, base, record, lifetime, LeaseUse::None);
                    rename.await.unwrap();
                    keys.push(to);
                }
            }
        }
    }
}

async fn live_owners(fixture: &Fixture, keys: &[StoreKey]) -> Vec<(PrincipalKey, StoreKey)> {
    let mut owners = Vec::new();
    for key in keys {
        if let Load::Found(loaded) = fixture.load(*key).await {
            owners.extend(loaded.record.principal.map(|principal| (principal, *key)));
        }
    }
    owners
}

async fn keys_of(fixture: &Fixture, principal: PrincipalKey) -> Vec<StoreKey> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = Arc::clone(&fixture.store)
            .list(principal, after)
            .await
            .unwrap();
        keys.extend(page.sessions.into_iter().map(|listed| listed.key));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

/// Principals that agree in all bytes but the last.
fn principal(number: u8) -> PrincipalKey {
    let mut bytes = [7; PrincipalKey::LENGTH];
    bytes[PrincipalKey::LENGTH - 1] = number;
    PrincipalKey::from_bytes(bytes)
}

/// A record of somebody or of nobody.
fn owned(random: &mut Random) -> Record {
    let owner = u8::try_from(random.below(usize::from(PRINCIPALS) + 1)).unwrap();
    Record {
        principal: (owner < PRINCIPALS).then(|| principal(owner)),
        ..record_of_size(random.below(50))
    }
}

fn lifetime(random: &mut Random) -> Lifetime {
    Lifetime {
        idle: Duration::from_secs(100 + random.below(400) as u64),
        absolute: Duration::from_secs(600),
    }
}

/// A small generator, so that the history is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}
