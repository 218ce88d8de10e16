//! Clauses on [`rename`](crate::SessionStore::rename).

use std::time::Duration;

use super::Subject;
use super::subject::{acquired, done, fresh_key, record, renewed, stale};
use crate::{EndReason, Extend, LeaseToken, LeaseUse, Load, Revision, Save, StoreKey};

/// A rename replaces the record under its new key and leaves a tombstone under the old.
pub async fn rename_moves_the_session(subject: Subject) {
    let from = subject.session("old", subject.long()).await;
    let to = renewed(from);
    let outcome = subject.rename(from, to, Revision::FIRST, LeaseUse::None);
    assert_eq!(outcome.await, Save::Saved(Revision::FIRST.next()));
    assert_eq!(subject.load(from).await, Load::Ended(EndReason::Renewed));
    let loaded = subject.found(to).await;
    assert_eq!(loaded.record, record("renamed"));
    assert_eq!(loaded.revision, Revision::FIRST.next());
}

/// A rename starts a new absolute deadline, later or earlier than the old.
pub async fn rename_takes_the_new_lifetime(subject: Subject) {
    for lifetime in [subject.lifetime(9, 8), subject.lifetime(2, 90)] {
        let from = subject.session("old", subject.lifetime(5, 5)).await;
        let to = renewed(from);
        let rename = subject.store().rename(
            from,
            to,
            Revision::FIRST,
            record("new"),
            lifetime,
            LeaseUse::None,
        );
        assert_eq!(done(rename.await), Save::Saved(Revision::FIRST.next()));
        let loaded = subject.found(to).await;
        assert_eq!(loaded.idle, lifetime.idle);
        subject.assert_about(loaded.time_left, lifetime.idle.min(lifetime.absolute));
    }
}

/// A rename on any revision but the current one changes nothing.
pub async fn rename_on_a_stale_base_carries_the_current_record(subject: Subject) {
    let from = subject.session("0", subject.long()).await;
    subject.resave(from, subject.long()).await;
    let to = renewed(from);
    let late = subject.rename(from, to, Revision::FIRST, LeaseUse::None);
    let theirs = stale(late.await);
    assert_eq!(theirs.record, record("saved"));
    assert_eq!(theirs.revision, Revision::FIRST.next());
    assert_eq!(subject.load(to).await, Load::Absent);
    subject.found(from).await;
}

/// A rename of an unknown session is missing, one of an ended session is ended.
pub async fn rename_of_no_session_says_so(subject: Subject) {
    let unknown = fresh_key();
    let to = renewed(unknown);
    let outcome = subject.rename(unknown, to, Revision::FIRST, LeaseUse::None);
    assert_eq!(outcome.await, Save::Missing);
    assert_eq!(subject.load(unknown).await, Load::Absent);
    assert_eq!(subject.load(to).await, Load::Absent);

    let ended = subject.session("old", subject.long()).await;
    subject.delete(ended, EndReason::Destroyed).await;
    let to = renewed(ended);
    let outcome = subject.rename(ended, to, Revision::FIRST, LeaseUse::None);
    assert_eq!(outcome.await, Save::Ended(EndReason::Destroyed));
    assert_eq!(subject.load(to).await, Load::Absent);
}

/// A rename without the lease, or with a wrong token, changes nothing.
pub async fn rename_needs_the_lease(subject: Subject) {
    let (from, token) = subject.leased(subject.units(50)).await;
    let to = renewed(from);
    let wrong = LeaseUse::Release(LeaseToken::new(token.get() + 1));
    for lease in [LeaseUse::None, wrong] {
        let outcome = subject.rename(from, to, Revision::FIRST, lease).await;
        assert_eq!(outcome, Save::Leased);
        assert_eq!(subject.load(to).await, Load::Absent);
        subject.found(from).await;
    }
}

/// A rename onto a key with a session or a tombstone is an error and changes nothing.
pub async fn rename_onto_a_taken_key_changes_nothing(subject: Subject) {
    let from = subject.session("old", subject.long()).await;
    let live = renewed(from);
    subject.create(live, record("other"), subject.long()).await;
    let ended = renewed(from);
    subject.create(ended, record("gone"), subject.long()).await;
    subject.delete(ended, EndReason::Revoked).await;
    for to in [live, ended] {
        assert_rename_fails(&subject, from, to).await;
    }
    assert_eq!(subject.found(live).await.record, record("other"));
    assert_eq!(subject.load(ended).await, Load::Ended(EndReason::Revoked));
}

/// A rename onto another route is an error and changes nothing.
pub async fn rename_onto_another_route_changes_nothing(subject: Subject) {
    let from = subject.session("old", subject.long()).await;
    let mut bytes = *renewed(from).as_bytes();
    bytes[0] ^= 1;
    let elsewhere = StoreKey::from_bytes(bytes);
    assert_rename_fails(&subject, from, elsewhere).await;
    assert_eq!(subject.load(elsewhere).await, Load::Absent);
}

/// The lease does not move to the new key, whether it was to be held or released.
pub async fn rename_ends_the_lease(subject: Subject) {
    for use_lease in [LeaseUse::Hold, LeaseUse::Release] {
        let (from, token) = subject.leased(subject.units(50)).await;
        let to = renewed(from);
        let outcome = subject.rename(from, to, Revision::FIRST, use_lease(token));
        assert_eq!(outcome.await, Save::Saved(Revision::FIRST.next()));
        for key in [from, to] {
            let extend = subject.store().extend(key, token, subject.units(50));
            assert_eq!(done(extend.await), Extend::Lost);
        }
        let next = subject.acquire(to, subject.units(50), Duration::ZERO);
        acquired(next.await);
    }
}

async fn assert_rename_fails(subject: &Subject, from: StoreKey, to: StoreKey) {
    let rename = subject.store().rename(
        from,
        to,
        Revision::FIRST,
        record("renamed"),
        subject.long(),
        LeaseUse::None,
    );
    assert!(rename.await.is_err());
    let loaded = subject.found(from).await;
    assert_eq!(loaded.record, record("old"));
    assert_eq!(loaded.revision, Revision::FIRST);
}
