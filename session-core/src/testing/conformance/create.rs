//! Clauses on [`create`](crate::SessionStore::create).

use bytes::Bytes;

use super::Subject;
use super::subject::{done, fresh_key, fresh_principal, record};
use crate::{Create, EndReason, Load, Record, Revision, Timestamp};

/// A new session has revision 1.
pub async fn create_starts_at_revision_one(subject: Subject) {
    let key = fresh_key();
    subject.create(key, record("new"), subject.long()).await;
    let loaded = subject.found(key).await;
    assert_eq!(loaded.revision, Revision::FIRST);
    assert_eq!(loaded.record, record("new"));
}

/// A create under the key of a live session changes nothing.
pub async fn create_leaves_a_taken_key_alone(subject: Subject) {
    let key = subject.session("first", subject.long()).await;
    let again = subject
        .store()
        .create(key, record("second"), subject.long());
    assert_eq!(done(again.await), Create::AlreadyExists);
    let loaded = subject.found(key).await;
    assert_eq!(loaded.record, record("first"));
    assert_eq!(loaded.revision, Revision::FIRST);
}

/// A tombstone takes its key.
pub async fn create_finds_a_tombstone_in_its_way(subject: Subject) {
    let key = subject.session("first", subject.long()).await;
    subject.delete(key, EndReason::Destroyed).await;
    let again = subject
        .store()
        .create(key, record("second"), subject.long());
    assert_eq!(done(again.await), Create::AlreadyExists);
    assert_eq!(subject.load(key).await, Load::Ended(EndReason::Destroyed));
}

/// An expired session does not take its key, swept or not.
pub async fn create_finds_an_expired_key_free(subject: Subject) {
    let key = subject.session("first", subject.lifetime(1, 10)).await;
    subject.advance(subject.units(1)).await;
    subject.create(key, record("second"), subject.long()).await;
    assert_eq!(subject.found(key).await.record, record("second"));
}

/// All that a record consists of comes back as it was.
pub async fn record_round_trips_byte_for_byte(subject: Subject) {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let written = Record {
        payload: Bytes::from(every_byte.clone()),
        labels: Bytes::from(every_byte),
        principal: Some(fresh_principal()),
        created: Timestamp::from_millis(1),
        deadline: Timestamp::from_millis(253_402_300_799_999),
    };
    let key = fresh_key();
    subject.create(key, written.clone(), subject.long()).await;
    assert_eq!(subject.found(key).await.record, written);
}

/// Payloads of 0 bytes and of 1 MiB come back as they were.
pub async fn large_and_empty_payloads_round_trip(subject: Subject) {
    let large: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
    for payload in [Bytes::new(), Bytes::from(large)] {
        let key = fresh_key();
        let written = Record {
            payload,
            ..record("")
        };
        subject.create(key, written.clone(), subject.long()).await;
        assert_eq!(subject.found(key).await.record, written);
    }
}
