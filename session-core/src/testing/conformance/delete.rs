//! Clauses on [`delete`](crate::SessionStore::delete) and the tombstone it leaves.

use std::time::Duration;

use super::Subject;
use super::subject::{done, fresh_key, renewed};
use crate::{Acquire, EndReason, Extend, LeaseUse, Load, Revision, Save, TOMBSTONE};

/// The tombstone tells the reason, whichever it is.
pub async fn delete_leaves_its_reason(subject: Subject) {
    for reason in [EndReason::Renewed, EndReason::Destroyed, EndReason::Revoked] {
        let key = subject.session("ends", subject.long()).await;
        assert!(subject.delete(key, reason).await);
        assert_eq!(subject.load(key).await, Load::Ended(reason));
        let acquire = subject.acquire(key, subject.units(5), Duration::ZERO);
        assert_eq!(acquire.await, Acquire::Ended(reason));
    }
}

/// A second delete is answered `false` and keeps the first reason.
pub async fn delete_keeps_the_first_reason(subject: Subject) {
    let key = subject.session("ends", subject.long()).await;
    assert!(subject.delete(key, EndReason::Destroyed).await);
    assert!(!subject.delete(key, EndReason::Revoked).await);
    assert_eq!(subject.load(key).await, Load::Ended(EndReason::Destroyed));

    let from = subject.session("moves", subject.long()).await;
    let rename = subject.rename(from, renewed(from), Revision::FIRST, LeaseUse::None);
    assert_eq!(rename.await, Save::Saved(Revision::FIRST.next()));
    assert!(!subject.delete(from, EndReason::Destroyed).await);
    assert_eq!(subject.load(from).await, Load::Ended(EndReason::Renewed));
}

/// There is nothing to delete under a key that was never used.
pub async fn delete_of_an_unknown_session_is_false(subject: Subject) {
    assert!(!subject.delete(fresh_key(), EndReason::Destroyed).await);
}

/// A delete does not wait for a lease, and its holder is told at its next step.
pub async fn delete_breaks_a_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    assert!(subject.delete(key, EndReason::Revoked).await);
    let extend = subject.store().extend(key, token, subject.units(50));
    assert_eq!(done(extend.await), Extend::Lost);
    assert!(!done(subject.store().release(key, token).await));
    let hold = LeaseUse::Hold(token);
    let save = subject.save(key, Revision::FIRST, "late", subject.long(), hold);
    assert_eq!(save.await, Save::Ended(EndReason::Revoked));
}

/// A tombstone stays for [`TOMBSTONE`] at least, however short the session's life was.
pub async fn tombstone_stays_for_a_minute(subject: Subject) {
    let wait = TOMBSTONE - subject.grain();
    if !subject.can_wait(wait) {
        return;
    }
    let key = subject.session("ends", subject.lifetime(1, 1)).await;
    subject.delete(key, EndReason::Destroyed).await;
    subject.advance(wait).await;
    assert_eq!(subject.load(key).await, Load::Ended(EndReason::Destroyed));
}
