//! Clauses on [`save`](crate::SessionStore::save).

use bytes::Bytes;

use super::Subject;
use super::subject::{done, fresh_key, fresh_principal, record, stale};
use crate::{EndReason, LeaseToken, LeaseUse, Load, Record, Revision, Save, Timestamp, Touch};

/// Each save adds exactly one to the revision, and the store agrees.
pub async fn save_adds_exactly_one(subject: Subject) {
    let key = subject.session("0", subject.long()).await;
    let mut base = Revision::FIRST;
    for _ in 0..5 {
        let saved = subject.save(key, base, "n", subject.long(), LeaseUse::None);
        assert_eq!(saved.await, Save::Saved(base.next()));
        base = base.next();
        assert_eq!(subject.found(key).await.revision, base);
    }
}

/// A save replaces payload, labels, principal, creation and deadline.
pub async fn save_replaces_the_whole_record(subject: Subject) {
    let key = subject.session("old", subject.long()).await;
    let new = Record {
        payload: Bytes::from_static(b"longer than before"),
        labels: Bytes::from_static(b"labels"),
        principal: Some(fresh_principal()),
        created: Timestamp::from_millis(11),
        deadline: Timestamp::from_millis(12),
    };
    for next in [new, record("back")] {
        let base = subject.found(key).await.revision;
        let save = subject
            .store()
            .save(key, base, next.clone(), subject.long(), LeaseUse::None);
        assert_eq!(done(save.await), Save::Saved(base.next()));
        assert_eq!(subject.found(key).await.record, next);
    }
}

/// A save on any revision but the current one changes nothing and is told what is there.
pub async fn save_on_a_stale_base_carries_the_current_record(subject: Subject) {
    let key = subject.session("0", subject.long()).await;
    subject.resave(key, subject.lifetime(5_000, 20_000)).await;
    let current = Revision::FIRST.next();
    for base in [Revision::FIRST, current.next()] {
        let late = subject.save(key, base, "late", subject.long(), LeaseUse::None);
        let theirs = stale(late.await);
        assert_eq!(theirs.record, record("saved"));
        assert_eq!(theirs.revision, current);
        assert_eq!(theirs.idle, subject.units(5_000));
        subject.assert_about(theirs.time_left, subject.units(5_000));
    }
    assert_eq!(subject.found(key).await.record, record("saved"));
}

/// A save is never an upsert.
pub async fn save_never_creates(subject: Subject) {
    let key = fresh_key();
    let save = subject.save(key, Revision::FIRST, "new", subject.long(), LeaseUse::None);
    assert_eq!(save.await, Save::Missing);
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// n04: a save does not revive a session that has ended, and learns why.
pub async fn save_of_an_ended_session_is_ended(subject: Subject) {
    let key = subject.session("0", subject.long()).await;
    subject.delete(key, EndReason::Revoked).await;
    let save = subject.save(key, Revision::FIRST, "late", subject.long(), LeaseUse::None);
    assert_eq!(save.await, Save::Ended(EndReason::Revoked));
    assert_eq!(subject.load(key).await, Load::Ended(EndReason::Revoked));
}

/// The idle length counts from the save.
pub async fn save_counts_the_idle_length_anew(subject: Subject) {
    let key = subject.session("0", subject.lifetime(4, 40)).await;
    subject.advance(subject.units(2)).await;
    subject.resave(key, subject.lifetime(6, 38)).await;
    let loaded = subject.found(key).await;
    assert_eq!(loaded.idle, subject.units(6));
    subject.assert_about(loaded.time_left, subject.units(6));
}

/// A save may bring the expiry forward.
pub async fn save_may_shorten(subject: Subject) {
    let key = subject.session("0", subject.lifetime(9, 40)).await;
    subject.resave(key, subject.lifetime(2, 40)).await;
    subject.advance(subject.units(2)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// A save cannot move the absolute deadline that the store keeps to a later time.
pub async fn save_never_raises_the_absolute_deadline(subject: Subject) {
    let key = subject.session("0", subject.lifetime(9, 3)).await;
    subject.resave(key, subject.lifetime(9, 90)).await;
    let loaded = subject.found(key).await;
    subject.assert_about(loaded.time_left, subject.units(3));
    subject.advance(subject.units(3)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// A save can move the absolute deadline to an earlier time, for good.
pub async fn save_may_lower_the_absolute_deadline(subject: Subject) {
    let key = subject.session("0", subject.lifetime(9, 90)).await;
    subject.resave(key, subject.lifetime(9, 2)).await;
    let lowered = subject.found(key).await;
    subject.assert_about(lowered.time_left, subject.units(2));
    subject.resave(key, subject.lifetime(9, 90)).await;
    assert_eq!(done(subject.store().touch(key).await), Touch::Touched);
    let still_lowered = subject.found(key).await;
    subject.assert_about(still_lowered.time_left, subject.units(2));
}

/// An outcome of missing or ended hides that the token and the base are wrong, too.
pub async fn missing_or_ended_comes_before_leased(subject: Subject) {
    let wrong = LeaseUse::Hold(LeaseToken::new(77));
    let base = Revision::FIRST.next();
    let missing = subject.save(fresh_key(), base, "x", subject.long(), wrong);
    assert_eq!(missing.await, Save::Missing);

    let (key, _) = subject.leased(subject.units(50)).await;
    subject.delete(key, EndReason::Destroyed).await;
    let ended = subject.save(key, base, "x", subject.long(), wrong);
    assert_eq!(ended.await, Save::Ended(EndReason::Destroyed));
}

/// Who does not hold the lease does not learn that the base is stale.
pub async fn leased_comes_before_stale(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let base = Revision::FIRST.next();
    let without = subject.save(key, base, "x", subject.long(), LeaseUse::None);
    assert_eq!(without.await, Save::Leased);
    let with = subject.save(key, base, "x", subject.long(), LeaseUse::Release(token));
    stale(with.await);
}
