//! Clauses on leases that nobody waits for.

use std::time::Duration;

use super::Subject;
use super::subject::{acquired, done, fresh_key, record, renewed};
use crate::{Acquire, EndReason, Extend, LeaseToken, LeaseUse, Load, Revision, Save, StoreKey};

/// A lease comes with the current record, and each has a greater token than the one before.
pub async fn acquire_brings_the_record(subject: Subject) {
    let key = subject.session("0", subject.long()).await;
    subject.resave(key, subject.long()).await;
    let mut last = None;
    for _ in 0..3 {
        let (token, loaded) = acquired(try_acquire(&subject, key).await);
        assert_eq!(loaded.record, record("saved"));
        assert_eq!(loaded.revision, Revision::FIRST.next());
        assert!(Some(token) > last);
        last = Some(token);
        assert!(done(subject.store().release(key, token).await));
    }
}

/// There is no lease of a session that is not there.
pub async fn acquire_of_no_session_says_so(subject: Subject) {
    let unknown = try_acquire(&subject, fresh_key()).await;
    assert_eq!(unknown, Acquire::Absent);
    let key = subject.session("ends", subject.long()).await;
    subject.delete(key, EndReason::Destroyed).await;
    let ended = subject.acquire(key, subject.units(50), subject.units(50));
    assert_eq!(ended.await, Acquire::Ended(EndReason::Destroyed));
}

/// n17: while a lease lasts, nobody else gets one.
pub async fn lease_excludes_a_second_holder(subject: Subject) {
    let (key, _) = subject.leased(subject.units(4)).await;
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
    subject.advance(subject.units(4) - subject.grain()).await;
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
}

/// While a lease lasts, a save without its token changes nothing.
pub async fn lease_excludes_a_writer_without_it(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let wrong = LeaseToken::new(token.get() + 1);
    for lease in [
        LeaseUse::None,
        LeaseUse::Hold(wrong),
        LeaseUse::Release(wrong),
    ] {
        let save = subject.save(key, Revision::FIRST, "x", subject.long(), lease);
        assert_eq!(save.await, Save::Leased);
    }
    assert_eq!(subject.found(key).await.revision, Revision::FIRST);
}

/// n18: a lease that has run out holds up neither the next holder nor a writer.
pub async fn lapsed_lease_is_free(subject: Subject) {
    let (key, first) = subject.leased(subject.units(2)).await;
    subject.advance(subject.units(2)).await;
    let (second, _) = acquired(try_acquire(&subject, key).await);
    assert!(second > first);

    let (key, _) = subject.leased(subject.units(2)).await;
    subject.advance(subject.units(2)).await;
    subject.resave(key, subject.long()).await;
}

/// A write with the token of a lease that has run out is refused, whether or not somebody else
/// holds the next one.
pub async fn late_write_is_refused(subject: Subject) {
    let (key, token) = subject.leased(subject.units(2)).await;
    subject.advance(subject.units(2)).await;
    assert_late_writes_fail(&subject, key, token).await;
    let (next, _) = acquired(try_acquire(&subject, key).await);
    assert_late_writes_fail(&subject, key, token).await;
    assert!(done(subject.store().release(key, next).await));
    assert_late_writes_fail(&subject, key, token).await;
}

/// A holder that saves with [`LeaseUse::Hold`] goes on holding.
pub async fn save_with_hold_keeps_the_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let hold = LeaseUse::Hold(token);
    let save = subject.save(key, Revision::FIRST, "mine", subject.long(), hold);
    assert_eq!(save.await, Save::Saved(Revision::FIRST.next()));
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
    assert!(done(subject.store().release(key, token).await));
}

/// A save with [`LeaseUse::Release`] frees the lease in the same step; one that is refused
/// does not.
pub async fn save_with_release_frees_the_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let release = LeaseUse::Release(token);
    let stale = Revision::FIRST.next();
    subject.save(key, stale, "x", subject.long(), release).await;
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
    let save = subject.save(key, Revision::FIRST, "mine", subject.long(), release);
    assert_eq!(save.await, Save::Saved(Revision::FIRST.next()));
    assert!(!done(subject.store().release(key, token).await));
    let (_, loaded) = acquired(try_acquire(&subject, key).await);
    assert_eq!(loaded.record, record("mine"));
}

/// A lease that is given back is free, and its token writes nothing any more.
pub async fn release_frees_the_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    assert!(done(subject.store().release(key, token).await));
    assert!(!done(subject.store().release(key, token).await));
    assert_late_writes_fail(&subject, key, token).await;
    acquired(try_acquire(&subject, key).await);
}

/// A token that does not hold the lease cannot give it back.
pub async fn release_with_a_wrong_token_changes_nothing(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let wrong = LeaseToken::new(token.get() + 1);
    assert!(!done(subject.store().release(key, wrong).await));
    assert!(!done(subject.store().release(fresh_key(), token).await));
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
}

/// An extended lease lasts from the moment of the extension.
pub async fn extend_prolongs_the_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(4)).await;
    subject.advance(subject.units(2)).await;
    assert_eq!(extend(&subject, key, token).await, Extend::Extended);
    subject.advance(subject.units(3)).await;
    assert_eq!(try_acquire(&subject, key).await, Acquire::Busy);
    subject.advance(subject.units(1)).await;
    acquired(try_acquire(&subject, key).await);
}

/// A lease that has run out cannot be extended, even if nobody took it since.
pub async fn extend_of_a_lapsed_lease_is_lost(subject: Subject) {
    let (key, token) = subject.leased(subject.units(2)).await;
    let wrong = LeaseToken::new(token.get() + 1);
    assert_eq!(extend(&subject, key, wrong).await, Extend::Lost);
    subject.advance(subject.units(2)).await;
    assert_eq!(extend(&subject, key, token).await, Extend::Lost);
    acquired(try_acquire(&subject, key).await);
}

/// A load does not wait for a lease.
pub async fn readers_do_not_wait_for_a_lease(subject: Subject) {
    let (key, _) = subject.leased(subject.units(50)).await;
    assert_eq!(subject.found(key).await.record, record("leased"));
}

/// A lease keeps a session no longer than it lives.
pub async fn acquire_does_not_extend_the_session(subject: Subject) {
    let key = subject.session("brief", subject.lifetime(2, 20)).await;
    subject.advance(subject.units(1)).await;
    acquired(try_acquire(&subject, key).await);
    subject.advance(subject.units(1)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
    assert_eq!(try_acquire(&subject, key).await, Acquire::Absent);
}

async fn try_acquire(subject: &Subject, key: StoreKey) -> Acquire {
    subject
        .acquire(key, subject.units(50), Duration::ZERO)
        .await
}

async fn extend(subject: &Subject, key: StoreKey, token: LeaseToken) -> Extend {
    let length = subject.units(4);
    done(subject.store().extend(key, token, length).await)
}

async fn assert_late_writes_fail(subject: &Subject, key: StoreKey, token: LeaseToken) {
    for lease in [LeaseUse::Hold(token), LeaseUse::Release(token)] {
        let save = subject.save(key, Revision::FIRST, "late", subject.long(), lease);
        assert_eq!(save.await, Save::Leased);
        let rename = subject.rename(key, renewed(key), Revision::FIRST, lease);
        assert_eq!(rename.await, Save::Leased);
    }
    assert_eq!(subject.found(key).await.record, record("leased"));
}
