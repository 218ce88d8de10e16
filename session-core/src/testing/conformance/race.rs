//! Clauses that only races can break. Each is tried in many rounds.

use super::Subject;
use super::subject::{done, fresh_key, fresh_principal, joined, record, record_of, renewed};
use crate::{Create, EndReason, LeaseUse, Load, Revision, Save, StoreKey};

/// A thousand increments by compare-and-swap, many at a time, add up to a thousand.
pub async fn n02_concurrent_increments_are_all_kept(subject: Subject) {
    const TASKS: u64 = 20;
    const EACH: u64 = 50;
    let key = subject.session("0", subject.long()).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let subject = subject.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    increment(&subject, key).await;
                }
            })
        })
        .collect();
    for task in tasks {
        joined(task).await;
    }
    let loaded = subject.found(key).await;
    assert_eq!(number(&loaded.record.payload), TASKS * EACH);
    assert_eq!(loaded.revision.get(), TASKS * EACH + 1);
}

/// Of many saves on the same revision exactly one wins; the others are shown its record.
pub async fn concurrent_saves_have_one_winner(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = subject.session("0", subject.long()).await;
        let writers: Vec<_> = ["a", "b", "c", "d"]
            .map(|payload| {
                let subject = subject.clone();
                tokio::spawn(async move { save_first(&subject, key, payload).await })
            })
            .into();
        let mut winners = 0;
        for writer in writers {
            match joined(writer).await {
                Save::Saved(_) => winners += 1,
                other => assert!(matches!(other, Save::Stale(_)), "{other:?}"),
            }
        }
        assert_eq!(winners, 1);
    }
}

/// Of many creates under the same key exactly one wins.
pub async fn concurrent_creates_have_one_winner(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = fresh_key();
        let creates: Vec<_> = ["a", "b", "c", "d"]
            .map(|payload| {
                let create = subject.store().create(key, record(payload), subject.long());
                tokio::spawn(create)
            })
            .into();
        let mut winners = 0;
        for create in creates {
            winners += usize::from(done(joined(create).await) != Create::AlreadyExists);
        }
        assert_eq!(winners, 1);
    }
}

/// Of two renames from the same revision exactly one wins, and the other learns that the
/// session goes on elsewhere.
pub async fn concurrent_renames_have_one_winner(subject: Subject) {
    for _ in 0..subject.rounds() {
        let from = subject.session("0", subject.long()).await;
        let targets = [renewed(from), renewed(from)];
        let renames = targets.map(|to| {
            let subject = subject.clone();
            tokio::spawn(async move {
                subject
                    .rename(from, to, Revision::FIRST, LeaseUse::None)
                    .await
            })
        });
        let mut outcomes = Vec::new();
        for rename in renames {
            outcomes.push(joined(rename).await);
        }
        assert!(outcomes.contains(&Save::Saved(Revision::FIRST.next())));
        assert!(outcomes.contains(&Save::Ended(EndReason::Renewed)));
    }
}

/// However a delete and a save race, the session is dead afterwards.
pub async fn n04_no_save_outlives_a_delete(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = subject.session("0", subject.long()).await;
        let other = subject.clone();
        let save = tokio::spawn(async move { save_first(&other, key, "late").await });
        assert!(subject.delete(key, EndReason::Destroyed).await);
        joined(save).await;
        assert_eq!(subject.load(key).await, Load::Ended(EndReason::Destroyed));
    }
}

/// However a delete and a touch race, the session is dead afterwards.
pub async fn n05_no_touch_outlives_a_delete(subject: Subject) {
    for _ in 0..subject.rounds() {
        let key = subject.session("0", subject.long()).await;
        let touch = tokio::spawn(subject.store().touch(key));
        assert!(subject.delete(key, EndReason::Destroyed).await);
        done(joined(touch).await);
        assert_eq!(subject.load(key).await, Load::Ended(EndReason::Destroyed));
    }
}

/// A delete that races a rename leaves the session alive in one place at most, and a delete
/// there ends it.
pub async fn n06_no_rename_outlives_a_delete_of_both(subject: Subject) {
    for _ in 0..subject.rounds() {
        let from = subject.session("0", subject.long()).await;
        let to = renewed(from);
        let other = subject.clone();
        let rename = tokio::spawn(async move {
            other
                .rename(from, to, Revision::FIRST, LeaseUse::None)
                .await
        });
        let deleted = subject.delete(from, EndReason::Destroyed).await;
        let renamed = joined(rename).await;
        if deleted {
            assert_eq!(renamed, Save::Ended(EndReason::Destroyed));
            assert_eq!(subject.load(to).await, Load::Absent);
        } else {
            assert_eq!(renamed, Save::Saved(Revision::FIRST.next()));
            assert_eq!(subject.load(from).await, Load::Ended(EndReason::Renewed));
            assert!(subject.delete(to, EndReason::Destroyed).await);
        }
    }
}

/// Who finds the old key ended finds the session under the new one, and the other way round.
pub async fn rename_is_seen_whole(subject: Subject) {
    for _ in 0..subject.rounds() {
        let from = subject.session("0", subject.long()).await;
        let to = renewed(from);
        let watcher = tokio::spawn(watch_rename(subject.clone(), from, to));
        let rename = subject.rename(from, to, Revision::FIRST, LeaseUse::None);
        assert_eq!(rename.await, Save::Saved(Revision::FIRST.next()));
        joined(watcher).await;
    }
}

/// n13: a session that is renewed again and again does not escape from the end of all sessions.
pub async fn n12_no_session_escapes_delete_all_by_renaming(subject: Subject) {
    for _ in 0..subject.rounds() {
        let principal = fresh_principal();
        let key = fresh_key();
        subject
            .create(key, record_of(principal), subject.long())
            .await;
        let renamer = tokio::spawn(rename_while_alive(subject.clone(), key));
        let ended = done(subject.store().delete_all(principal, None).await);
        let last = joined(renamer).await;
        assert_eq!(ended, 1);
        assert_eq!(subject.load(last).await, Load::Ended(EndReason::Revoked));
        let page = done(subject.store().list(principal, None).await);
        assert!(page.sessions.is_empty());
    }
}

async fn increment(subject: &Subject, key: StoreKey) {
    let mut current = subject.found(key).await;
    loop {
        // Lets others write in between, even on one thread.
        tokio::task::yield_now().await;
        let next = number(&current.record.payload) + 1;
        let mut changed = record("");
        changed.payload = next.to_string().into();
        let save = subject.store().save(
            key,
            current.revision,
            changed,
            subject.long(),
            LeaseUse::None,
        );
        match done(save.await) {
            Save::Stale(theirs) => current = theirs,
            other => {
                assert_eq!(other, Save::Saved(current.revision.next()));
                return;
            }
        }
    }
}

fn number(payload: &[u8]) -> u64 {
    let digits = std::str::from_utf8(payload).unwrap_or_default();
    digits.parse().unwrap_or_default()
}

async fn save_first(subject: &Subject, key: StoreKey, payload: &'static str) -> Save {
    subject
        .save(
            key,
            Revision::FIRST,
            payload,
            subject.long(),
            LeaseUse::None,
        )
        .await
}

async fn watch_rename(subject: Subject, from: StoreKey, to: StoreKey) {
    loop {
        if let Load::Found(_) = subject.load(to).await {
            assert_eq!(subject.load(from).await, Load::Ended(EndReason::Renewed));
            return;
        }
        if let Load::Ended(_) = subject.load(from).await {
            subject.found(to).await;
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Renames the session until it has ended; returns its last key.
async fn rename_while_alive(subject: Subject, mut key: StoreKey) -> StoreKey {
    while let Load::Found(loaded) = subject.load(key).await {
        let to = renewed(key);
        let rename = subject.store().rename(
            key,
            to,
            loaded.revision,
            loaded.record,
            subject.long(),
            LeaseUse::None,
        );
        if let Save::Saved(_) = done(rename.await) {
            key = to;
        }
        tokio::task::yield_now().await;
    }
    key
}
