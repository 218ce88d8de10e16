//! Sessions that move, one step at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    Acquire, EndReason, LeaseUse, Load, MetaSet, PrincipalKey, Record, Revision, Save,
    SessionStore, StoreErrorKind, StoreKey, Touch,
};
use session_store_state_server::StateServerStore;

use crate::farm::{LIFETIME, create, key, load, payload, record, serve, status, store};

/// A farm that grew from one server to two, and a session that has to move.
struct Grown {
    a: String,
    b: String,
    former: Arc<StateServerStore>,
    next: Arc<StateServerStore>,
    key: StoreKey,
}

async fn grown() -> Grown {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    let next = store(&[&a, &b], &format!("previous={a}"));
    let at_b = |key: &StoreKey| next.endpoint(key.route()) == 1;
    let key = (0..).map(key).find(at_b).unwrap();
    create(&former, key).await;
    assert!(next.clone().ping().await.is_ok());
    Grown {
        a,
        b,
        former,
        next,
        key,
    }
}

impl Grown {
    async fn save(&self, store: &Arc<StateServerStore>, base: u64) -> Save {
        let base = Revision::new(base).unwrap();
        let next = record(base.get());
        let save = Arc::clone(store).save(self.key, base, next, LIFETIME, LeaseUse::None);
        save.await.unwrap()
    }

    async fn assert_moved(&self) {
        assert_eq!(status(&self.a, self.key).await, 410);
        assert_eq!(status(&self.b, self.key).await, 200);
    }
}

#[tokio::test]
async fn every_operation_moves_the_session() {
    let farm = grown().await;
    assert!(matches!(
        load(&farm.next, farm.key).await,
        Ok(Load::Found(_))
    ));
    farm.assert_moved().await;

    let farm = grown().await;
    assert_eq!(
        farm.save(&farm.next, 1).await,
        Save::Saved(Revision::new(2).unwrap())
    );
    farm.assert_moved().await;

    let farm = grown().await;
    let touch = farm.next.clone().touch(farm.key).await.unwrap();
    assert_eq!(touch, Touch::Touched);
    farm.assert_moved().await;

    let farm = grown().await;
    let (lease, wait) = (Duration::from_secs(10), Duration::ZERO);
    let acquire = farm.next.clone().acquire(farm.key, lease, wait).await;
    assert!(matches!(acquire, Ok(Acquire::Acquired(..))), "{acquire:?}");
    farm.assert_moved().await;

    let farm = grown().await;
    let mut to = *farm.key.as_bytes();
    to[31] ^= 1;
    let to = StoreKey::from_bytes(to);
    let (next, base) = (farm.next.clone(), Revision::FIRST);
    let rename = next.rename(farm.key, to, base, record(1), LIFETIME, LeaseUse::None);
    assert!(matches!(rename.await, Ok(Save::Saved(_))));
    assert_eq!(status(&farm.a, farm.key).await, 410);
    assert_eq!(status(&farm.b, farm.key).await, 410);
    assert_eq!(status(&farm.b, to).await, 200);
}

#[tokio::test]
async fn a_delete_ends_it_in_both_places() {
    let farm = grown().await;
    let delete = farm.next.clone().delete(farm.key, EndReason::Revoked);
    assert!(delete.await.unwrap());
    for server in [&farm.a, &farm.b] {
        assert_eq!(status(server, farm.key).await, 410);
    }
    let ended = Load::Ended(EndReason::Revoked);
    assert_eq!(load(&farm.next, farm.key).await.unwrap(), ended);
    let again = farm.next.clone().delete(farm.key, EndReason::Destroyed);
    assert!(!again.await.unwrap());
}

#[tokio::test]
async fn a_tombstone_at_the_former_owner_counts() {
    let farm = grown().await;
    let delete = farm.former.clone().delete(farm.key, EndReason::Destroyed);
    assert!(delete.await.unwrap());
    let ended = EndReason::Destroyed;
    assert_eq!(
        load(&farm.next, farm.key).await.unwrap(),
        Load::Ended(ended)
    );
    assert_eq!(farm.save(&farm.next, 1).await, Save::Ended(ended));
    let touch = farm.next.clone().touch(farm.key).await.unwrap();
    assert_eq!(touch, Touch::Missing);
}

/// Revisions are kept, whatever their number: payloads are sealed with them.
#[tokio::test]
async fn a_session_keeps_its_revision_and_its_lifetime() {
    let farm = grown().await;
    for base in 1..700 {
        farm.save(&farm.former, base).await;
    }
    let Load::Found(before) = load(&farm.former, farm.key).await.unwrap() else {
        panic!("no session");
    };
    let Load::Found(after) = load(&farm.next, farm.key).await.unwrap() else {
        panic!("no session");
    };
    assert_eq!(after.revision.get(), 700);
    assert_eq!(after.record, before.record);
    assert_eq!(after.idle, before.idle);
    farm.assert_moved().await;
}

/// Who still has the former list is told so, and neither reads nor writes what has moved.
#[tokio::test]
async fn the_former_list_is_refused_what_has_moved() {
    let farm = grown().await;
    assert!(matches!(
        load(&farm.next, farm.key).await,
        Ok(Load::Found(_))
    ));
    let base = Revision::FIRST;
    let save = farm.former.clone();
    let save = save.save(farm.key, base, record(9), LIFETIME, LeaseUse::None);
    for error in [
        load(&farm.former, farm.key).await.unwrap_err(),
        save.await.unwrap_err(),
        farm.former
            .clone()
            .delete(farm.key, EndReason::Destroyed)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(&farm.b), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_at_the_former_owner_is_respected() {
    let farm = grown().await;
    let (lease, zero) = (Duration::from_secs(10), Duration::ZERO);
    let acquired = farm
        .former
        .clone()
        .acquire(farm.key, lease, zero)
        .await
        .unwrap();
    let Acquire::Acquired(token, _) = acquired else {
        panic!("{acquired:?}");
    };
    assert!(matches!(
        load(&farm.next, farm.key).await,
        Ok(Load::Found(_))
    ));
    assert_eq!(farm.save(&farm.next, 1).await, Save::Leased);
    let touch = farm.next.clone().touch(farm.key).await.unwrap();
    assert_eq!(touch, Touch::Touched);
    let busy = farm
        .next
        .clone()
        .acquire(farm.key, lease, zero)
        .await
        .unwrap();
    assert_eq!(busy, Acquire::Busy);

    let wait = Duration::from_secs(5);
    let waiter = tokio::spawn(farm.next.clone().acquire(farm.key, lease, wait));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let write = LeaseUse::Release(token);
    let former = farm.former.clone();
    let saved = former.save(farm.key, Revision::FIRST, record(1), LIFETIME, write);
    assert!(matches!(saved.await, Ok(Save::Saved(_))));
    match waiter.await.unwrap().unwrap() {
        Acquire::Acquired(_, loaded) => assert_eq!(payload(&loaded.record), 1),
        other => panic!("{other:?}"),
    }
    farm.assert_moved().await;
}

async fn listed(store: &Arc<StateServerStore>, principal: PrincipalKey) -> Vec<StoreKey> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = store.clone().list(principal, after).await.unwrap();
        keys.extend(page.sessions.iter().map(|listed| listed.key));
        after = page.next;
        if after.is_none() {
            keys.sort_unstable_by_key(|key| *key.as_bytes());
            return keys;
        }
    }
}

#[tokio::test]
async fn a_principal_has_all_sessions_of_both_lists() {
    let (a, b, c) = (serve().await, serve().await, serve().await);
    let former = store(&[&a, &b], "");
    let next = store(&[&b, &c], &format!("previous={a},{b}"));
    let principal = PrincipalKey::from_bytes([3; 32]);
    let mut keys: Vec<_> = (0..150).map(key).collect();
    for key in &keys {
        let record = Record {
            principal: Some(principal),
            labels: Bytes::from_static(b"phone"),
            ..record(0)
        };
        let created = former.clone().create(*key, record, LIFETIME).await;
        assert!(created.is_ok());
    }
    keys.sort_unstable_by_key(|key| *key.as_bytes());
    assert!(matches!(load(&next, keys[0]).await, Ok(Load::Found(_))));
    assert_eq!(listed(&next, principal).await, keys);
    assert_eq!(listed(&next, principal).await, keys);
}

/// A session whose lease somebody holds at the former owner is listed as well, and ended.
#[tokio::test]
async fn leased_sessions_are_listed_and_ended() {
    let farm = grown().await;
    let principal = PrincipalKey::from_bytes([4; 32]);
    let owned = Record {
        principal: Some(principal),
        ..record(1)
    };
    let (former, none) = (farm.former.clone(), LeaseUse::None);
    let save = former.save(farm.key, Revision::FIRST, owned, LIFETIME, none);
    assert!(matches!(save.await, Ok(Save::Saved(_))));
    let (lease, zero) = (Duration::from_secs(10), Duration::ZERO);
    let acquired = farm.former.clone().acquire(farm.key, lease, zero).await;
    assert!(matches!(acquired, Ok(Acquire::Acquired(..))));
    assert_eq!(listed(&farm.next, principal).await, [farm.key]);
    let ended = farm.next.clone().delete_all(principal, None).await;
    assert_eq!(ended.unwrap(), 1);
    let ended = Load::Ended(EndReason::Revoked);
    assert_eq!(load(&farm.next, farm.key).await.unwrap(), ended);
}

/// Who still has the former list cannot end what has moved, and is told so.
#[tokio::test]
async fn the_former_list_ends_nothing_silently() {
    let farm = grown().await;
    assert!(matches!(
        load(&farm.next, farm.key).await,
        Ok(Load::Found(_))
    ));
    let principal = PrincipalKey::from_bytes([4; 32]);
    for error in [
        farm.former
            .clone()
            .delete_all(principal, None)
            .await
            .unwrap_err(),
        farm.former.clone().list(principal, None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    }
}

#[tokio::test]
async fn delete_all_ends_the_sessions_of_both_lists() {
    let (a, b, c) = (serve().await, serve().await, serve().await);
    let former = store(&[&a, &b], "");
    let next = store(&[&b, &c], &format!("previous={a},{b}"));
    let principal = PrincipalKey::from_bytes([3; 32]);
    for number in 0..120 {
        let record = Record {
            principal: Some(principal),
            ..record(0)
        };
        let created = former.clone().create(key(number), record, LIFETIME).await;
        assert!(created.is_ok());
    }
    let ended = next.clone().delete_all(principal, Some(key(7))).await;
    assert_eq!(ended.unwrap(), 119);
    for number in 0..120 {
        let expected = number == 7;
        let load = load(&next, key(number)).await.unwrap();
        assert_eq!(
            matches!(load, Load::Found(_)),
            expected,
            "{number}: {load:?}"
        );
    }
}

#[tokio::test]
async fn control_rows_move_too() {
    let (a, b) = (serve().await, serve().await);
    let former = store(&[&a], "");
    for number in 0..20 {
        let (name, value) = (format!("row {number}"), Bytes::from_static(b"one"));
        let set = former.clone().meta_compare_and_set(name, None, value).await;
        assert!(matches!(set, Ok(MetaSet::Written(_))));
    }
    let next = store(&[&a, &b], &format!("previous={a}"));
    for number in 0..20 {
        let name = format!("row {number}");
        let value = Bytes::from_static(b"two");
        let blind = next
            .clone()
            .meta_compare_and_set(name.clone(), None, value.clone());
        assert!(matches!(blind.await, Ok(MetaSet::Conflict(Some(_)))));
        let row = next.clone().meta_get(name.clone()).await.unwrap().unwrap();
        assert_eq!(row.value, "one");
        let set = next
            .clone()
            .meta_compare_and_set(name.clone(), Some(row.version), value);
        assert!(matches!(set.await, Ok(MetaSet::Written(_))));
        let error = former.clone().meta_get(name).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
}

/// A former server that does not answer makes an error of a miss, unless it is said to be lost.
#[tokio::test]
async fn a_lost_server_is_named() {
    let (a, b) = (serve().await, serve().await);
    let gone = "127.0.0.1:9".to_owned();
    let query = format!("previous={a},{gone}&connect-timeout=100ms");
    let next = store(&[&a, &b], &query);
    let mut unreachable = 0;
    for number in 0..40 {
        match load(&next, key(number)).await {
            Ok(load) => assert_eq!(load, Load::Absent),
            Err(error) => {
                assert!(error.is_unreachable(), "{error}");
                unreachable += 1;
            }
        }
    }
    assert!(unreachable > 5, "{unreachable}");
    let next = store(&[&a, &b], &format!("{query}&previous-lost={gone}"));
    for number in 0..40 {
        assert_eq!(load(&next, key(number)).await.unwrap(), Load::Absent);
    }
}
