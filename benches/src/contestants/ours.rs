//! This library with its in-process store.

use std::sync::Arc;

use axum::routing::get;
use session_axum::{ReadOnlySession, Session, SessionLayer};
use session_core::{KeyRing, SessionConfig, SessionStore};
use session_store_memory::MemoryStore;
use tokio::runtime::Runtime;
use tower_layer::Layer;

use super::{COUNTER, PROFILE, Rejected, router};
use crate::instance::{App, Failure};

pub fn app(runtime: &Runtime) -> Result<Box<dyn App>, Failure> {
    let _on_runtime = runtime.enter();
    app_over(Arc::new(MemoryStore::default()), KeyRing::ephemeral()?)
}

/// The same over any store.
pub fn app_over(store: Arc<dyn SessionStore>, ring: KeyRing) -> Result<Box<dyn App>, Failure> {
    let router = router(get(read), get(update), get(create), get(fill));
    let config = SessionConfig::builder("bench").build()?;
    let layer = SessionLayer::new(config, ring, store)?;
    Ok(Box::new(layer.layer(router)))
}

async fn read(session: ReadOnlySession) -> Result<String, Rejected> {
    let n = session.get::<u64>(COUNTER)?.unwrap_or(0);
    Ok(n.to_string())
}

async fn update(session: Session) -> Result<String, Rejected> {
    let n = session.get::<u64>(COUNTER)?.unwrap_or(0) + 1;
    session.insert(COUNTER, &n)?;
    Ok(n.to_string())
}

async fn create(session: Session) -> Result<String, Rejected> {
    session.insert(COUNTER, &1_u64)?;
    Ok(1_u64.to_string())
}

async fn fill(session: Session) -> Result<String, Rejected> {
    session.insert(COUNTER, &1_u64)?;
    for (key, value) in PROFILE {
        session.insert(key, &value)?;
    }
    Ok(1_u64.to_string())
}
