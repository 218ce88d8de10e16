//! Clauses on waiting for a lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::Subject;
use super::subject::{acquired, done, joined, record, renewed, say_skipped};
use crate::{Acquire, EndReason, LeaseUse, Revision, Save, StoreKey};

/// Who waits in vain is answered [`Acquire::Busy`] when the wait is over, not sooner.
pub async fn acquire_is_busy_when_the_wait_is_over(subject: Subject) {
    let (key, _) = subject.leased(subject.units(50)).await;
    let waiter = subject.begin_acquire(key, subject.units(2)).await;
    subject.advance(subject.units(1)).await;
    assert!(!waiter.is_finished());
    subject.advance(subject.units(1)).await;
    assert_eq!(done(joined(waiter).await), Acquire::Busy);
}

/// A waiter gets the lease when it is given back, with the record that the holder left.
pub async fn waiter_gets_a_released_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let waiter = subject.begin_acquire(key, subject.units(50)).await;
    let release = LeaseUse::Release(token);
    let save = subject.save(key, Revision::FIRST, "left", subject.long(), release);
    assert_eq!(save.await, Save::Saved(Revision::FIRST.next()));
    let (next, loaded) = acquired(done(joined(waiter).await));
    assert!(next > token);
    assert_eq!(loaded.record, record("left"));

    let waiter = subject.begin_acquire(key, subject.units(50)).await;
    assert!(done(subject.store().release(key, next).await));
    acquired(done(joined(waiter).await));
}

/// n18: a waiter gets the lease of a holder that is gone when it runs out.
pub async fn waiter_gets_a_lapsed_lease(subject: Subject) {
    let (key, token) = subject.leased(subject.units(2)).await;
    let waiter = subject.begin_acquire(key, subject.units(20)).await;
    subject.advance(subject.units(2)).await;
    let (next, _) = acquired(done(joined(waiter).await));
    assert!(next > token);
    let hold = LeaseUse::Hold(token);
    let late = subject.save(key, Revision::FIRST, "late", subject.long(), hold);
    assert_eq!(late.await, Save::Leased);
}

/// Waiters get the lease in the order in which they came.
pub async fn waiters_are_served_in_order(subject: Subject) {
    if !subject.serves_in_order() {
        say_skipped("the backend serves waiters in any order");
        return;
    }
    let (key, mut token) = subject.leased(subject.units(100)).await;
    let mut waiters = Vec::new();
    for _ in 0..5 {
        waiters.push(subject.begin_acquire(key, subject.units(100)).await);
    }
    for waiter in waiters {
        assert!(done(subject.store().release(key, token).await));
        let (next, _) = acquired(done(joined(waiter).await));
        assert!(next > token);
        token = next;
    }
}

/// A lease that comes to a waiter that is gone goes to the next.
pub async fn dropped_waiter_is_passed_over(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let gone = subject.begin_acquire(key, subject.units(50)).await;
    let waiter = subject.begin_acquire(key, subject.units(50)).await;
    gone.abort();
    assert!(gone.await.is_err());
    assert!(done(subject.store().release(key, token).await));
    subject.advance(subject.units(10)).await;
    acquired(done(joined(waiter).await));
}

/// Who waits for the lease of a session that is deleted is told so.
pub async fn waiters_learn_of_a_delete(subject: Subject) {
    let (key, _) = subject.leased(subject.units(50)).await;
    let first = subject.begin_acquire(key, subject.units(50)).await;
    let second = subject.begin_acquire(key, subject.units(50)).await;
    assert!(subject.delete(key, EndReason::Revoked).await);
    for waiter in [first, second] {
        let outcome = done(joined(waiter).await);
        assert_eq!(outcome, Acquire::Ended(EndReason::Revoked));
    }
}

/// Who waits for the lease of a session that is renewed is told so.
pub async fn waiters_learn_of_a_rename(subject: Subject) {
    let (key, token) = subject.leased(subject.units(50)).await;
    let waiter = subject.begin_acquire(key, subject.units(50)).await;
    let release = LeaseUse::Release(token);
    let rename = subject.rename(key, renewed(key), Revision::FIRST, release);
    assert_eq!(rename.await, Save::Saved(Revision::FIRST.next()));
    let outcome = done(joined(waiter).await);
    assert_eq!(outcome, Acquire::Ended(EndReason::Renewed));
}

/// Many holders in turn never overlap, and each sees what the one before saved.
pub async fn n17_holders_never_overlap(subject: Subject) {
    const HOLDERS: u32 = 32;
    let key = subject.session("shared", subject.long()).await;
    let inside = Arc::new(AtomicU32::new(0));
    let holders: Vec<_> = (0..HOLDERS)
        .map(|_| tokio::spawn(hold_once(subject.clone(), key, Arc::clone(&inside))))
        .collect();
    for holder in holders {
        joined(holder).await;
    }
    let revision = subject.found(key).await.revision;
    assert_eq!(revision.get(), u64::from(HOLDERS) + 1);
}

async fn hold_once(subject: Subject, key: StoreKey, inside: Arc<AtomicU32>) {
    let long = Duration::from_secs(60).max(subject.units(500));
    let acquire = subject.acquire(key, long, long);
    let (token, loaded) = acquired(acquire.await);
    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
    tokio::task::yield_now().await;
    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
    let release = LeaseUse::Release(token);
    let save = subject.save(key, loaded.revision, "next", subject.long(), release);
    assert_eq!(save.await, Save::Saved(loaded.revision.next()));
}
