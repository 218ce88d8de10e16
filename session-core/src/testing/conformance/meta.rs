//! Clauses on control rows.

use bytes::Bytes;

use super::Subject;
use super::subject::{done, fresh_name, joined};
use crate::{MetaRow, MetaSet, Revision};

/// A row is not there until it is written, and then has version 1.
pub async fn meta_row_starts_at_version_one(subject: Subject) {
    let name = fresh_name();
    let before = subject.store().meta_get(name.clone()).await;
    assert_eq!(done(before), None);
    assert_eq!(set(&subject, &name, None, b"a").await, written(1));
    let after = subject.store().meta_get(name).await;
    assert_eq!(done(after), Some(row(b"a", 1)));
}

/// Each write adds one to the version that it names.
pub async fn meta_write_needs_the_current_version(subject: Subject) {
    let name = fresh_name();
    assert_eq!(set(&subject, &name, None, b"a").await, written(1));
    assert_eq!(set(&subject, &name, revision(1), b"").await, written(2));
    assert_eq!(set(&subject, &name, revision(2), b"c").await, written(3));
    let row_now = subject.store().meta_get(name).await;
    assert_eq!(done(row_now), Some(row(b"c", 3)));
}

/// A conflict changes nothing and shows the row as it is.
pub async fn meta_conflict_carries_the_row(subject: Subject) {
    let name = fresh_name();
    let nothing = set(&subject, &name, revision(1), b"x").await;
    assert_eq!(nothing, MetaSet::Conflict(None));
    assert_eq!(set(&subject, &name, None, b"a").await, written(1));
    for expected in [None, revision(2)] {
        let conflict = set(&subject, &name, expected, b"x").await;
        assert_eq!(conflict, MetaSet::Conflict(Some(row(b"a", 1))));
    }
}

/// Of many writes on the same version exactly one wins, and the others are shown its row.
pub async fn concurrent_meta_writes_have_one_winner(subject: Subject) {
    let name = fresh_name();
    for version in [None, revision(1)] {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let value = Bytes::from(vec![writer]);
                let set = subject
                    .store()
                    .meta_compare_and_set(name.clone(), version, value);
                tokio::spawn(set)
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            match done(joined(writer).await) {
                MetaSet::Written(_) => winners += 1,
                MetaSet::Conflict(theirs) => assert!(theirs.is_some()),
            }
        }
        assert_eq!(winners, 1);
    }
}

async fn set(
    subject: &Subject,
    name: &str,
    expected: Option<Revision>,
    value: &'static [u8],
) -> MetaSet {
    let value = Bytes::from_static(value);
    let name = name.to_owned();
    done(
        subject
            .store()
            .meta_compare_and_set(name, expected, value)
            .await,
    )
}

fn row(value: &'static [u8], version: u64) -> MetaRow {
    MetaRow {
        value: Bytes::from_static(value),
        version: revision(version).unwrap_or(Revision::FIRST),
    }
}

fn written(version: u64) -> MetaSet {
    MetaSet::Written(revision(version).unwrap_or(Revision::FIRST))
}

fn revision(number: u64) -> Option<Revision> {
    Revision::new(number)
}
