//! Very many operations, some of which are dropped half way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use session_core::testing::{Intercept, Intercepted, Operation};
use session_core::{Access, Engine, SessionConfig, StoreError};
use session_store_memory::MemoryStore;
use tokio::task::JoinSet;

use crate::support::{APP, Browser, a_ring};

const OPERATIONS: u64 = 100_000;
const SESSIONS: u64 = 32;
const TASKS: u64 = 64;

/// Numbers that are the same in every run.
#[derive(Debug)]
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let mut number = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (number ^ (number >> 31)) % sides
    }
}

/// Makes every operation wait a little before and after it happens.
#[derive(Debug)]
struct Lag(Dice);

#[async_trait]
impl Intercept for Lag {
    async fn before(&self, _: Operation) -> Result<(), StoreError> {
        for _ in 0..self.0.roll(3) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn after(&self, operation: Operation) -> Result<(), StoreError> {
        self.before(operation).await
    }
}

/// One visitor, and what it was told.
struct Visitor {
    number: u64,
    browser: Browser,
    acknowledged: AtomicU64,
    dropped: AtomicU64,
}

/// Drops a future after so many polls.
async fn for_polls<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

impl Visitor {
    async fn new(engine: &Engine, number: u64) -> Self {
        let mut browser = Browser::default();
        let visit = browser.open(engine, Access::ReadWrite).await.unwrap();
        visit.insert("owner", &number).unwrap();
        visit.answer(&mut browser).await;
        Self {
            number,
            browser,
            acknowledged: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// One request; says whether it counted.
    async fn request(&self, engine: &Engine, access: Access) -> bool {
        let visit = self.browser.open(engine, access).await.unwrap();
        let owner = visit.get::<u64>("owner").unwrap();
        assert_eq!(owner, Some(self.number), "somebody else's session");
        if access != Access::ReadOnly {
            visit.increment("n", 1).unwrap();
        }
        visit.finish().await.unwrap();
        access != Access::ReadOnly
    }

    async fn request_perhaps_dropped(&self, engine: &Engine, dice: &Dice) {
        let access = match dice.roll(10) {
            0..4 => Access::ReadOnly,
            4..9 => Access::ReadWrite,
            _ => Access::Exclusive,
        };
        let polls = if dice.roll(20) == 0 {
            dice.roll(8)
        } else {
            u64::MAX
        };
        match for_polls(polls, self.request(engine, access)).await {
            None => self.dropped.fetch_add(1, Ordering::Relaxed),
            Some(counted) => self
                .acknowledged
                .fetch_add(counted.into(), Ordering::Relaxed),
        };
    }

    async fn check(&self, engine: &Engine) {
        let visit = self.browser.open(engine, Access::Exclusive).await.unwrap();
        let count = visit.get::<u64>("n").unwrap().unwrap();
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        assert!(
            count >= acknowledged,
            "{count} of {acknowledged} acknowledged"
        );
        assert!(
            count <= acknowledged + dropped,
            "{count}: something counted twice"
        );
        assert!(dropped > 0);
    }
}

fn lagging_engine() -> Engine {
    let memory = Arc::new(MemoryStore::default());
    let store = Arc::new(Intercepted::new(memory, Lag(Dice(AtomicU64::new(1)))));
    let minute = Duration::from_mins(1);
    let config = SessionConfig::builder(APP).lock_wait(minute);
    let config = config.operation_timeout(minute).commit_timeout(minute);
    Engine::new(config.build().unwrap(), a_ring(), store).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c50_a_storm_of_dropped_requests_mixes_up_and_invents_nothing() {
    let engine = lagging_engine();
    let mut visitors = Vec::new();
    for number in 0..SESSIONS {
        visitors.push(Arc::new(Visitor::new(&engine, number).await));
    }
    let visitors = Arc::new(visitors);
    let mut storm = JoinSet::new();
    for task in 0..TASKS {
        let (engine, visitors) = (engine.clone(), visitors.clone());
        storm.spawn(async move {
            let dice = Dice(AtomicU64::new(task << 32));
            for _ in 0..OPERATIONS / TASKS {
                let visitor = &visitors[usize::try_from(dice.roll(SESSIONS)).unwrap()];
                visitor.request_perhaps_dropped(&engine, &dice).await;
            }
        });
    }
    while let Some(task) = storm.join_next().await {
        task.unwrap();
    }
    assert!(engine.drain(Duration::from_mins(1)).await);
    for visitor in visitors.iter() {
        visitor.check(&engine).await;
    }
}
