//! Clauses on [`load`](crate::SessionStore::load) and [`ping`](crate::SessionStore::ping).

use super::Subject;
use super::subject::{done, fresh_key};
use crate::{Load, Role};

/// A key that was never used is absent.
pub async fn load_of_an_unknown_session_is_absent(subject: Subject) {
    assert_eq!(subject.load(fresh_key()).await, Load::Absent);
}

/// A load brings the idle length, the time left, and the store's time, which goes on.
pub async fn load_tells_lifetime_and_time(subject: Subject) {
    let key = subject.session("timed", subject.lifetime(8, 20)).await;
    let before = subject.found(key).await;
    assert_eq!(before.idle, subject.units(8));
    subject.assert_about(before.time_left, subject.units(8));
    subject.advance(subject.units(2)).await;
    let after = subject.found(key).await;
    subject.assert_about(after.time_left, subject.units(6));
    let passed = after.store_time.since(before.store_time);
    subject.assert_about(passed, subject.units(2));
}

/// Reading a session does not prolong it.
pub async fn load_does_not_extend(subject: Subject) {
    let key = subject.session("read", subject.lifetime(2, 20)).await;
    subject.advance(subject.units(1)).await;
    subject.found(key).await;
    subject.advance(subject.units(1)).await;
    assert_eq!(subject.load(key).await, Load::Absent);
}

/// A store that takes writes says so, and tells the time that its loads tell.
pub async fn ping_answers_as_primary(subject: Subject) {
    let key = subject.session("timed", subject.long()).await;
    let before = subject.found(key).await.store_time;
    let ping = done(subject.store().ping().await);
    assert_eq!(ping.role, Role::Primary);
    subject.assert_about(ping.store_time.since(before), std::time::Duration::ZERO);
}
