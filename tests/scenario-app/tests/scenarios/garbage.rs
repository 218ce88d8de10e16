//! Records that nobody can open.

use std::sync::Arc;

use bytes::Bytes;
use session_core::{LeaseUse, Lifetime, Load, Loaded, PrincipalKey, Save, SessionStore, StoreKey};

use crate::harness::Farm;

/// The key of a user's only session.
async fn key_of(store: &Arc<dyn SessionStore>, user: &str) -> StoreKey {
    let principal = PrincipalKey::derive("scenarios", user);
    let page = Arc::clone(store).list(principal, None).await.unwrap();
    assert_eq!(page.sessions.len(), 1);
    page.sessions[0].key
}

async fn load(store: &Arc<dyn SessionStore>, key: StoreKey) -> Loaded {
    match Arc::clone(store).load(key).await.unwrap() {
        Load::Found(loaded) => loaded,
        other => panic!("{other:?}"),
    }
}

/// The session is answered 500 and kept as it is, and nobody else notices.
pub(crate) async fn c53_garbage_record(farm: &Farm) {
    let Some(site) = farm.open_shared("a record that is garbage").await else {
        return;
    };
    let (victim, other) = (site.visitor(), site.visitor_with("a", "b").await);
    victim.post("/login/victim").await.ok();
    let store = farm.backend().store();
    let key = key_of(&store, "victim").await;
    let before = load(&store, key).await;
    let lifetime = Lifetime {
        idle: before.idle,
        absolute: before.record.deadline.since(before.store_time),
    };
    for garbage in ["", "x", "0123456789", &"\0".repeat(10_000)] {
        let current = load(&store, key).await;
        let mut record = current.record.clone();
        record.payload = Bytes::copy_from_slice(garbage.as_bytes());
        let save = Arc::clone(&store).save(
            key,
            current.revision,
            record.clone(),
            lifetime,
            LeaseUse::None,
        );
        assert_eq!(save.await.unwrap(), Save::Saved(current.revision.next()));
        for path in ["/increment/n", "/set/a/c", "/renew", "/logout"] {
            victim.post(path).await.expect(500).assert_no_cookie();
        }
        victim.get("/get/a").await.expect(500).assert_no_cookie();
        victim.get("/untouched").await.ok();
        let after = load(&store, key).await;
        assert_eq!(
            (after.record, after.revision),
            (record, current.revision.next())
        );
        assert_eq!(other.value("a").await.as_deref(), Some("b"));
    }
}
