//! The wrapper stores of `session_core::testing`, around a memory store.

use std::collections::BTreeMap;
use std::sync::Arc;

use session_core::testing::{CountingStore, Fault, FaultyStore, Gate, Operation};
use session_core::{EndReason, Load, SessionStore, StoreErrorKind, StoreKey};
use session_store_memory::MemoryStore;

use crate::fixture::{lifetime, record_of_size};

const KEY: StoreKey = StoreKey::from_bytes([5; StoreKey::LENGTH]);

fn faulty() -> Arc<FaultyStore> {
    FaultyStore::wrap(Arc::new(MemoryStore::default()))
}

async fn create(store: &Arc<FaultyStore>) -> Result<(), StoreErrorKind> {
    let create = Arc::clone(store).create(KEY, record_of_size(1), lifetime());
    create.await.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn fault_strikes_its_operation_as_often_as_planned() {
    let store = faulty();
    let fault = Fault::error(StoreErrorKind::Unavailable);
    store.inject(fault.on(Operation::Create).times(2));
    for _ in 0..2 {
        assert_eq!(create(&store).await, Err(StoreErrorKind::Unavailable));
        assert_eq!(Arc::clone(&store).load(KEY).await.unwrap(), Load::Absent);
    }
    assert_eq!(create(&store).await, Ok(()));
}

#[tokio::test]
async fn fault_after_the_effect_loses_the_answer_alone() {
    let store = faulty();
    store.inject(
        Fault::error(StoreErrorKind::TimedOut)
            .on(Operation::Create)
            .after_effect(),
    );
    assert_eq!(create(&store).await, Err(StoreErrorKind::TimedOut));
    let load = Arc::clone(&store).load(KEY).await.unwrap();
    assert!(matches!(load, Load::Found(_)));
}

#[tokio::test]
async fn fault_of_everything_lasts_until_it_is_healed() {
    let store = faulty();
    store.inject(Fault::error(StoreErrorKind::Refused));
    assert!(Arc::clone(&store).ping().await.is_err());
    assert!(Arc::clone(&store).touch(KEY).await.is_err());
    store.heal();
    assert!(Arc::clone(&store).ping().await.is_ok());
}

#[tokio::test]
async fn gate_holds_until_it_is_opened() {
    let store = faulty();
    create(&store).await.unwrap();
    let gate = Gate::default();
    store.inject(Fault::hold(&gate).on(Operation::Delete));
    let delete = tokio::spawn(Arc::clone(&store).delete(KEY, EndReason::Destroyed));
    gate.arrived(1).await;
    let load = Arc::clone(&store).load(KEY).await.unwrap();
    assert!(matches!(load, Load::Found(_)));
    gate.open();
    assert!(delete.await.unwrap().unwrap());
}

#[tokio::test]
async fn hanging_operation_never_answers() {
    let store = faulty();
    store.inject(Fault::hang().on(Operation::Load).times(1));
    let hanging = tokio::spawn(Arc::clone(&store).load(KEY));
    tokio::task::yield_now().await;
    assert!(!hanging.is_finished());
    hanging.abort();
    assert!(Arc::clone(&store).load(KEY).await.is_ok());
}

#[tokio::test]
async fn counts_go_by_name() {
    let store = CountingStore::wrap(Arc::new(MemoryStore::default()));
    for _ in 0..3 {
        Arc::clone(&store).load(KEY).await.unwrap();
    }
    Arc::clone(&store).touch(KEY).await.unwrap();
    assert_eq!(store.counts(), BTreeMap::from([("load", 3), ("touch", 1)]));
    assert_eq!(store.count(Operation::Load), 3);
    assert_eq!(store.total(), 4);
    store.reset();
    assert_eq!(store.total(), 0);
}
