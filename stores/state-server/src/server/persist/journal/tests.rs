use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use session_core::testing::ManualClock;
use session_core::{EndReason, TOMBSTONE};

use super::{Journal, LifeChange};
use crate::server::http::Verb;
use crate::server::items::{Content, Item, Key, Tick, cookie_after};
use crate::server::persist::Durability;
use crate::server::persist::change::{Change, Grave};

const FIRST: Key = Key::Session([1; 32]);
const SECOND: Key = Key::Session([2; 32]);

struct Fixture {
    journal: Journal,
    clock: ManualClock,
}

impl Fixture {
    fn new(durability: Durability) -> Self {
        let clock = ManualClock::default();
        Self {
            journal: Journal::new(durability, Arc::new(clock.clone())),
            clock,
        }
    }

    fn now(&self) -> Tick {
        Tick::of(&self.clock)
    }

    fn item(&self, key: Key) -> Item {
        let content = Content {
            body: Bytes::from_static(b"body"),
            is_paid: false,
            listing: None,
            idle: 1_000,
            deadline: None,
        };
        Item::new(key, 1, content, self.now())
    }

    fn grave(&self) -> Grave {
        Grave {
            reason: EndReason::Renewed,
            until: self.now().after(TOMBSTONE.as_secs()),
        }
    }
}

#[test]
fn sync_waits_for_writes() {
    let fixture = Fixture::new(Durability::Sync);
    let journal = &fixture.journal;
    journal.put(&mut fixture.item(FIRST));
    assert_eq!(journal.needed(&FIRST, Verb::Put), 1);
    assert_eq!(journal.needed(&FIRST, Verb::Get), 1);
    assert_eq!(journal.needed(&SECOND, Verb::Put), 0);
}

#[test]
fn what_is_being_written_is_waited_for() {
    let fixture = Fixture::new(Durability::Sync);
    let journal = &fixture.journal;
    journal.put(&mut fixture.item(FIRST));
    journal.want(1);
    assert!(journal.take().is_some());
    assert_eq!(journal.needed(&FIRST, Verb::Put), 1);
    journal.put(&mut fixture.item(SECOND));
    journal.commit();
    assert_eq!(journal.needed(&FIRST, Verb::Put), 0);
    assert_eq!(journal.needed(&SECOND, Verb::Put), 2);
    assert_eq!(journal.unwritten(), 1);
}

#[test]
fn only_touches_wait_for_touches() {
    let fixture = Fixture::new(Durability::Sync);
    let journal = &fixture.journal;
    journal.life(&mut fixture.item(FIRST), LifeChange::Touch);
    assert_eq!(journal.needed(&FIRST, Verb::Put), 0);
    assert_eq!(journal.needed(&FIRST, Verb::Head), 1);
}

#[test]
fn async_waits_for_ends() {
    let fixture = Fixture::new(Durability::Async);
    let journal = &fixture.journal;
    let mut item = fixture.item(FIRST);
    journal.put(&mut item);
    journal.life(&mut item, LifeChange::Flag);
    journal.life(&mut item, LifeChange::Touch);
    assert_eq!(journal.needed(&FIRST, Verb::Head), 0);
    journal.life(&mut item, LifeChange::Cookie);
    assert_eq!(journal.needed(&FIRST, Verb::Put), 4);
    journal.remove(&FIRST, Some(fixture.grave()));
    assert_eq!(journal.needed(&FIRST, Verb::Get), 5);
    journal.rename(&FIRST, fixture.grave(), &mut fixture.item(SECOND));
    assert_eq!(journal.needed(&FIRST, Verb::Put), 6);
    assert_eq!(journal.needed(&SECOND, Verb::Put), 6);
}

#[test]
fn async_waits_for_a_disk_that_is_behind() {
    let fixture = Fixture::new(Durability::Async);
    let journal = &fixture.journal;
    journal.put(&mut fixture.item(FIRST));
    fixture.clock.advance(Duration::from_millis(1_000));
    assert_eq!(journal.needed(&FIRST, Verb::Put), 0);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(journal.needed(&FIRST, Verb::Put), 1);
    assert_eq!(
        journal.needed(&FIRST, Verb::Get),
        0,
        "what was acknowledged can be read"
    );
    journal.want(1);
    assert!(journal.take().is_some());
    assert_eq!(journal.needed(&FIRST, Verb::Put), 1);
    journal.commit();
    journal.put(&mut fixture.item(FIRST));
    assert_eq!(journal.needed(&FIRST, Verb::Put), 0);
    let mut large = fixture.item(SECOND);
    large.body = Bytes::from(vec![0; Journal::MAX_BYTES]);
    journal.put(&mut large);
    assert_eq!(journal.needed(&FIRST, Verb::Put), 2);
}

/// The last change of a key is written, once, with all that the earlier ones did.
#[test]
fn changes_of_a_key_become_one() {
    let fixture = Fixture::new(Durability::Sync);
    let journal = &fixture.journal;
    let mut item = fixture.item(FIRST);
    journal.put(&mut item);
    item.cookie = 7;
    journal.life(&mut item, LifeChange::Cookie);
    journal.want(2);
    let batch = journal.take().unwrap();
    assert_eq!(batch.items.len(), 1);
    let Some(Change::Put(content, life)) = batch.items.get(&FIRST).map(|entry| &entry.change)
    else {
        panic!("the content is lost");
    };
    assert_eq!(&content.body[..], b"body");
    assert_eq!(life.cookie, 7 + i32::from(Journal::RESERVE));
    journal.expire(&FIRST);
    journal.put(&mut item);
    journal.close();
    let batch = journal.take().unwrap();
    assert!(matches!(batch.items[&FIRST].change, Change::Put(..)));
    journal.commit();
    assert!(journal.take().is_none());
}

#[tokio::test]
async fn a_failure_is_told_at_once_and_ends() {
    let fixture = Fixture::new(Durability::Sync);
    let journal = &fixture.journal;
    journal.put(&mut fixture.item(FIRST));
    journal.close();
    assert!(journal.take().is_some());
    assert!(!journal.fail(), "at the end nothing is tried again");
    assert!(journal.is_failed());
    assert!(journal.written(1).await.is_err());
    journal.commit();
    assert!(journal.written(1).await.is_ok());
    assert!(!journal.is_failed());
}

#[test]
fn the_counter_goes_round() {
    assert_eq!(cookie_after(1, 1), 2);
    assert_eq!(cookie_after(-1, 1), 1);
    assert_eq!(cookie_after(i32::MAX, 1), 1);
    assert_eq!(cookie_after(i32::MAX - 1, 1), i32::MAX);
    assert_eq!(cookie_after(i32::MAX - 1, 64), 63);
    assert_eq!(cookie_after(i32::MAX, 64), 64);
}
