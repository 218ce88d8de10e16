//! Clauses on [`sweep`](crate::SessionStore::sweep).

use super::subject::{done, fresh_key, fresh_principal, joined, record_of, say_skipped};
use super::{Subject, Sweeping};
use crate::{Load, StoreKey, Swept, Touch};

/// A sweep returns what it removed, oldest first, with key and principal.
pub async fn sweep_returns_the_expired_oldest_first(subject: Subject) {
    if !sweeps_exactly(&subject) {
        return;
    }
    let principal = fresh_principal();
    let owned = fresh_key();
    let lifetime = subject.lifetime(2, 50);
    subject.create(owned, record_of(principal), lifetime).await;
    let youngest = subject.session("c", subject.lifetime(3, 50)).await;
    let oldest = subject.session("a", subject.lifetime(1, 50)).await;
    subject.advance(subject.units(3)).await;
    let swept = done(subject.store().sweep(100).await);
    let expected = [(oldest, None), (owned, Some(principal)), (youngest, None)]
        .map(|(key, principal)| Swept { key, principal });
    assert_eq!(swept, expected);
    assert_eq!(done(subject.store().sweep(100).await), []);
}

/// A sweep removes as many as it was asked for at most; the next one goes on.
pub async fn sweep_is_bounded(subject: Subject) {
    if !sweeps_exactly(&subject) {
        return;
    }
    for _ in 0..5 {
        subject.session("brief", subject.lifetime(1, 50)).await;
    }
    subject.advance(subject.units(1)).await;
    assert_eq!(done(subject.store().sweep(0).await).len(), 0);
    for expected in [2, 2, 1, 0] {
        let swept = done(subject.store().sweep(2).await);
        assert_eq!(swept.len(), expected);
    }
}

/// A sweep leaves alone what has not expired, whatever its first expiry was.
pub async fn sweep_leaves_the_living(subject: Subject) {
    let young = subject.session("young", subject.lifetime(9, 50)).await;
    let touched = subject.session("touched", subject.lifetime(2, 50)).await;
    let saved = subject.session("saved", subject.lifetime(2, 50)).await;
    subject.advance(subject.units(1)).await;
    assert_eq!(done(subject.store().touch(touched).await), Touch::Touched);
    subject.resave(saved, subject.lifetime(9, 50)).await;
    subject.advance(subject.units(1)).await;
    let swept = done(subject.store().sweep(100).await);
    for key in [young, touched, saved] {
        assert!(swept.iter().all(|swept| swept.key != key));
        subject.found(key).await;
    }
}

/// n11: however a sweep and a touch race at the moment of expiry, a session that was touched
/// lives on, and one that was swept is not touched.
pub async fn n25_sweep_spares_what_is_touched(subject: Subject) {
    for _ in 0..rounds_with_waits(&subject) {
        let key = subject.session("edge", subject.lifetime(2, 50)).await;
        subject.advance(subject.units(2) - subject.grain()).await;
        let toucher = tokio::spawn(subject.store().touch(key));
        let sweeper = tokio::spawn(subject.store().sweep(1_000));
        subject.advance(subject.grain()).await;
        let touched = done(joined(toucher).await);
        let mut swept = done(joined(sweeper).await);
        swept.extend(done(subject.store().sweep(1_000).await));
        assert_same_verdict(&subject, key, touched, &swept).await;
    }
}

async fn assert_same_verdict(subject: &Subject, key: StoreKey, touched: Touch, swept: &[Swept]) {
    let was_swept = swept.iter().any(|swept| swept.key == key);
    let load = subject.load(key).await;
    match touched {
        Touch::Touched => {
            assert!(!was_swept);
            assert!(matches!(load, Load::Found(_)), "{load:?}");
        }
        Touch::Missing => assert_eq!(load, Load::Absent),
    }
}

fn sweeps_exactly(subject: &Subject) -> bool {
    let exactly = subject.sweeping() == Sweeping::Exact;
    if !exactly {
        say_skipped("sweeps of this store return more or less than one test's sessions");
    }
    exactly
}

/// Rounds that wait for two units each are few where waiting takes real time.
fn rounds_with_waits(subject: &Subject) -> usize {
    if subject.can_wait(subject.units(1_000)) {
        subject.rounds()
    } else {
        3
    }
}
