//! Clauses on the moment of expiry. Nothing here is swept first.

use std::time::Duration;

use super::Subject;
use super::subject::{record, renewed};
use crate::{Acquire, EndReason, LeaseUse, Lifetime, Load, Revision, Save, StoreKey, Touch};

/// A session is live until just before its expiry and absent from that moment on.
pub async fn expired_from_the_moment_of_expiry(subject: Subject) {
    let key = subject.session("brief", subject.lifetime(2, 20)).await;
    subject.advance(subject.units(2) - subject.grain()).await;
    subject.found(key).await;
    subject.advance(subject.grain()).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// The lower of idle and absolute length counts.
pub async fn expires_at_the_lower_lifetime(subject: Subject) {
    let key = subject.session("brief", subject.lifetime(9, 2)).await;
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(2));
    assert_eq!(loaded.idle, subject.units(9));
    subject.advance(subject.units(2)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// n11: a save neither finds nor revives an expired session.
pub async fn expired_takes_no_save(subject: Subject) {
    let key = expired(&subject).await;
    let late = subject.save(key, Revision::FIRST, "late", subject.long(), LeaseUse::None);
    assert_eq!(late.await, Save::Missing);
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// n11: a touch neither finds nor revives an expired session.
pub async fn expired_takes_no_touch(subject: Subject) {
    let key = expired(&subject).await;
    let late = subject.store().touch(key).await;
    assert_eq!(late.ok(), Some(Touch::Missing));
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// n11: a rename neither finds nor revives an expired session, and leaves no tombstone.
pub async fn expired_takes_no_rename(subject: Subject) {
    let key = expired(&subject).await;
    let to = renewed(key);
    let late = subject.rename(key, to, Revision::FIRST, LeaseUse::None);
    assert_eq!(late.await, Save::Missing);
    assert_eq!(subject.load(key).await, Load::Absent);
    assert_eq!(subject.load(to).await, Load::Absent);
}

/// An expired session has no lease to give.
pub async fn expired_takes_no_lease(subject: Subject) {
    let key = expired(&subject).await;
    let late = subject.acquire(key, subject.units(5), subject.units(5));
    assert_eq!(late.await, Acquire::Absent);
}

/// An expired session was not live when it was deleted, and stays absent.
pub async fn delete_of_an_expired_session_is_false(subject: Subject) {
    let key = expired(&subject).await;
    assert!(!subject.delete(key, EndReason::Destroyed).await);
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// Idle lengths are kept to the millisecond.
pub async fn lifetimes_have_milliseconds(subject: Subject) {
    let idle = subject.units(3) + Duration::from_millis(7);
    let lifetime = Lifetime {
        idle,
        ..subject.long()
    };
    let key = subject.session("precise", lifetime).await;
    let loaded = subject.found(key).await;
    assert_eq!(loaded.idle, idle);
    subject.assert_about(loaded.time_left, idle);
    assert_eq!(loaded.record, record("precise"));
}

async fn expired(subject: &Subject) -> StoreKey {
    let key = subject.session("brief", subject.lifetime(1, 20)).await;
    subject.advance(subject.units(1)).await;
    key
}
