//! Clauses on futures that are polled once and dropped: the old state or the new, never half.

use std::future::poll_fn;
use std::task::Poll;

use super::Subject;
use super::subject::{done, fresh_key, record, renewed};
use crate::{EndReason, LeaseUse, Load, Revision, Save};

/// A dropped create made a whole session or none.
pub async fn dropped_create_is_whole(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = fresh_key();
        drop_half_way(subject.store().create(key, record("new"), subject.long())).await;
        match subject.load(key).await {
            Load::Found(loaded) => {
                assert_eq!(loaded.record, record("new"));
                assert_eq!(loaded.revision, Revision::FIRST);
            }
            other => assert_eq!(other, Load::Absent),
        }
    }
}

/// A dropped save left the old record or the new one, with its revision, and no lease behind.
pub async fn dropped_save_is_whole(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = subject.session("old", subject.long()).await;
        let save = subject.store().save(
            key,
            Revision::FIRST,
            record("new"),
            subject.long(),
            LeaseUse::None,
        );
        drop_half_way(save).await;
        let loaded = subject.found(key).await;
        let expected = match loaded.revision {
            Revision::FIRST => record("old"),
            _ => record("new"),
        };
        assert_eq!(loaded.record, expected);
        assert!(loaded.revision <= Revision::FIRST.next());
    }
}

/// A dropped rename left the session under one of the two keys.
pub async fn dropped_rename_is_whole(subject: Subject) {
    for _ in 0..subject.rounds() {
        let from = subject.session("old", subject.long()).await;
        let to = renewed(from);
        let rename = subject.store().rename(
            from,
            to,
            Revision::FIRST,
            record("new"),
            subject.long(),
            LeaseUse::None,
        );
        drop_half_way(rename).await;
        // Either it has happened, or this one does, or this one comes second.
        let again = subject.rename(from, to, Revision::FIRST, LeaseUse::None);
        let outcome = again.await;
        assert!(
            matches!(outcome, Save::Saved(_) | Save::Ended(EndReason::Renewed)),
            "{outcome:?}"
        );
        assert_eq!(subject.load(from).await, Load::Ended(EndReason::Renewed));
        assert_eq!(subject.found(to).await.revision, Revision::FIRST.next());
    }
}

/// A dropped delete ended the session or did not; a second one does.
pub async fn dropped_delete_is_whole(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = subject.session("ends", subject.long()).await;
        drop_half_way(subject.store().delete(key, EndReason::Revoked)).await;
        let load = subject.load(key).await;
        assert!(
            matches!(load, Load::Found(_) | Load::Ended(EndReason::Revoked)),
            "{load:?}"
        );
        done(subject.store().delete(key, EndReason::Revoked).await);
        assert_eq!(subject.load(key).await, Load::Ended(EndReason::Revoked));
    }
}

async fn drop_half_way<T>(operation: impl Future<Output = T> + 'static) {
    let mut operation = Box::pin(operation);
    poll_fn(|context| {
        let _ = operation.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}
