//! Clauses on [`touch`](crate::SessionStore::touch).

use super::Subject;
use super::subject::{done, fresh_key};
use crate::{EndReason, Load, Touch};

/// A touch moves the expiry to now plus the idle length.
pub async fn touch_extends_by_the_idle_length(subject: Subject) {
    let key = subject.session("slides", subject.lifetime(4, 90)).await;
    for _ in 0..2 {
        subject.advance(subject.units(2)).await;
        assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
        let loaded = subject.found(key).await;
        subject.assert_about(loaded.time_left, subject.units(4));
    }
}

/// The idle length of the last save is the one that counts.
pub async fn touch_uses_the_idle_length_of_the_last_save(subject: Subject) {
    let key = subject.session("slides", subject.lifetime(4, 90)).await;
    subject.resave(key, subject.lifetime(8, 90)).await;
    subject.advance(subject.units(1)).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(8));
}

/// A touch never goes past the absolute deadline, nor back from it.
pub async fn n10_touch_stops_at_the_absolute_deadline(subject: Subject) {
    let key = subject.session("slides", subject.lifetime(3, 4)).await;
    subject.advance(subject.units(2)).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(2));
    subject.advance(subject.units(1)).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(1));
    subject.advance(subject.units(1)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// A touch changes the expiry and nothing else.
pub async fn touch_changes_neither_record_nor_revision(subject: Subject) {
    let key = subject.session("slides", subject.long()).await;
    let before = subject.found(key).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let after = subject.found(key).await;
    assert_eq!(after.record, before.record);
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.idle, before.idle);
}

/// n05: a touch finds neither an unknown nor an ended session, and revives none.
pub async fn touch_of_no_session_is_missing(subject: Subject) {
    let unknown = fresh_key();
    assert_eq!(done(subject.store().touch(unknown).await), Touch::Missing);
    assert_eq!(subject.load(unknown).await, Load::Absent);

    let ended = subject.session("ends", subject.long()).await;
    subject.delete(ended, EndReason::Destroyed).await;
    assert_eq!(done(subject.store().touch(ended).await), Touch::Missing);
    assert_eq!(subject.load(ended).await, Load::Ended(EndReason::Destroyed));
}

/// Whoever holds the lease, a touch extends.
pub async fn touch_ignores_leases(subject: Subject) {
    let key = subject.session("slides", subject.lifetime(4, 90)).await;
    subject
        .acquire(key, subject.units(60), subject.units(0))
        .await;
    subject.advance(subject.units(2)).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(4));
}
