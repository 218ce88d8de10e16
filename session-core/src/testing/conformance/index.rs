//! Clauses on the sessions of a principal.

use std::collections::HashSet;

use bytes::Bytes;

use super::Subject;
use super::subject::{done, fresh_key, fresh_principal, record, record_of, renewed};
use crate::{
    EndReason, LeaseUse, Lifetime, Listed, Load, PrincipalKey, Record, Revision, Save, StoreKey,
};

/// s14: a listing tells key, revision, labels, creation, deadline and time left.
pub async fn list_shows_what_the_record_says(subject: Subject) {
    let principal = fresh_principal();
    let key = owned(&subject, principal, subject.lifetime(5, 50)).await;
    owned(&subject, fresh_principal(), subject.long()).await;
    let listed = listed(&subject, principal).await;
    assert_eq!(listed.len(), 1);
    let expected = record_of(principal);
    assert_eq!(listed[0].key, key);
    assert_eq!(listed[0].revision, Revision::FIRST);
    assert_eq!(listed[0].labels, expected.labels);
    assert_eq!(listed[0].created, expected.created);
    assert_eq!(listed[0].deadline, expected.deadline);
    subject.assert_about(listed[0].time_left, subject.units(5));
}

/// A listing of more than two pages shows every session exactly once, 100 a page at most, while
/// others come and go.
pub async fn list_pages_through_every_session_once(subject: Subject) {
    let principal = fresh_principal();
    let mut keys = HashSet::new();
    for _ in 0..230 {
        keys.insert(owned(&subject, principal, subject.long()).await);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = done(subject.store().list(principal, after).await);
        assert!(page.sessions.len() <= 100);
        seen.extend(page.sessions.iter().map(|listed| listed.key));
        let passing = owned(&subject, principal, subject.long()).await;
        subject.delete(passing, EndReason::Destroyed).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 230);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), keys);
}

/// n12: a session that was deleted is not listed.
pub async fn list_forgets_ended_sessions(subject: Subject) {
    let principal = fresh_principal();
    let key = owned(&subject, principal, subject.long()).await;
    let other = owned(&subject, principal, subject.long()).await;
    subject.delete(key, EndReason::Destroyed).await;
    assert_eq!(keys(&subject, principal).await, [other]);
}

/// n12: a session that has expired is not listed, swept or not.
pub async fn list_forgets_expired_sessions(subject: Subject) {
    let principal = fresh_principal();
    owned(&subject, principal, subject.lifetime(1, 50)).await;
    let other = owned(&subject, principal, subject.lifetime(9, 50)).await;
    subject.advance(subject.units(1)).await;
    assert_eq!(keys(&subject, principal).await, [other]);
}

/// n12: a renewed session is listed under its new key alone.
pub async fn list_follows_a_rename(subject: Subject) {
    let principal = fresh_principal();
    let from = owned(&subject, principal, subject.long()).await;
    let to = renewed(from);
    let rename = subject.store().rename(
        from,
        to,
        Revision::FIRST,
        record_of(principal),
        subject.long(),
        LeaseUse::None,
    );
    assert_eq!(done(rename.await), Save::Saved(Revision::FIRST.next()));
    assert_eq!(keys(&subject, principal).await, [to]);
}

/// n12: a session is listed for the principal that its last save or rename named.
pub async fn list_follows_the_principal(subject: Subject) {
    let [first, second] = [fresh_principal(), fresh_principal()];
    let key = subject.session("anonymous", subject.long()).await;
    save_as(&subject, key, record_of(first)).await;
    assert_eq!(keys(&subject, first).await, [key]);
    save_as(&subject, key, record_of(second)).await;
    assert_eq!(keys(&subject, first).await, []);
    assert_eq!(keys(&subject, second).await, [key]);

    let relabelled = Record {
        labels: Bytes::from_static(b"other device"),
        ..record_of(second)
    };
    save_as(&subject, key, relabelled).await;
    let shown = listed(&subject, second).await;
    assert_eq!(shown[0].labels, Bytes::from_static(b"other device"));
    assert_eq!(shown[0].revision.get(), 4);

    save_as(&subject, key, record("anonymous again")).await;
    assert_eq!(keys(&subject, second).await, []);
}

/// Who has no session has an empty listing.
pub async fn list_of_an_unknown_principal_is_empty(subject: Subject) {
    let page = done(subject.store().list(fresh_principal(), None).await);
    assert!(page.sessions.is_empty());
    assert!(page.next.is_none());
}

/// s13: all sessions of the principal end as revoked, but the exception and those of others.
pub async fn delete_all_spares_the_exception(subject: Subject) {
    let principal = fresh_principal();
    let spared = owned(&subject, principal, subject.long()).await;
    let ended = [
        owned(&subject, principal, subject.long()).await,
        owned(&subject, principal, subject.long()).await,
    ];
    let stranger = owned(&subject, fresh_principal(), subject.long()).await;
    let count = subject.store().delete_all(principal, Some(spared)).await;
    assert_eq!(done(count), 2);
    for key in ended {
        assert_eq!(subject.load(key).await, Load::Ended(EndReason::Revoked));
    }
    subject.found(spared).await;
    subject.found(stranger).await;
    assert_eq!(keys(&subject, principal).await, [spared]);
}

/// The end of all sessions does not stop at a page.
pub async fn delete_all_ends_more_than_a_page(subject: Subject) {
    let principal = fresh_principal();
    for _ in 0..120 {
        owned(&subject, principal, subject.long()).await;
    }
    let count = subject.store().delete_all(principal, None).await;
    assert_eq!(done(count), 120);
    assert_eq!(keys(&subject, principal).await, []);
    let again = subject.store().delete_all(principal, None).await;
    assert_eq!(done(again), 0);
}

/// What had expired was not ended by the call, and becomes no tombstone.
pub async fn delete_all_does_not_count_the_expired(subject: Subject) {
    let principal = fresh_principal();
    let expired = owned(&subject, principal, subject.lifetime(1, 50)).await;
    owned(&subject, principal, subject.lifetime(9, 50)).await;
    subject.advance(subject.units(1)).await;
    let count = subject.store().delete_all(principal, None).await;
    assert_eq!(done(count), 1);
    assert_eq!(subject.load(expired).await, Load::Absent);
}

async fn owned(subject: &Subject, principal: PrincipalKey, lifetime: Lifetime) -> StoreKey {
    let key = fresh_key();
    subject.create(key, record_of(principal), lifetime).await;
    key
}

async fn save_as(subject: &Subject, key: StoreKey, record: Record) {
    let base = subject.found(key).await.revision;
    let save = subject
        .store()
        .save(key, base, record, subject.long(), LeaseUse::None);
    assert_eq!(done(save.await), Save::Saved(base.next()));
}

async fn listed(subject: &Subject, principal: PrincipalKey) -> Vec<Listed> {
    done(subject.store().list(principal, None).await).sessions
}

async fn keys(subject: &Subject, principal: PrincipalKey) -> Vec<StoreKey> {
    let listed = listed(subject, principal).await;
    listed.into_iter().map(|listed| listed.key).collect()
}
