//! tower-sessions with its memory store and its default settings.

use axum::{Router, routing::get};
use tokio::runtime::Runtime;
use tower_layer::Layer;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use super::{COUNTER, PROFILE, Rejected, router};
use crate::instance::{App, Failure};

pub fn app(_: &Runtime) -> Result<Box<dyn App>, Failure> {
    Ok(Box::new(layer().layer(routes())))
}

/// As its documentation has it.
pub fn app_in_router(_: &Runtime) -> Result<Box<dyn App>, Failure> {
    Ok(Box::new(routes().layer(layer())))
}

fn layer() -> SessionManagerLayer<MemoryStore> {
    SessionManagerLayer::new(MemoryStore::default())
}

fn routes() -> Router {
    router(get(read), get(update), get(create), get(fill))
}

async fn read(session: Session) -> Result<String, Rejected> {
    let n: u64 = session.get(COUNTER).await?.unwrap_or(0);
    Ok(n.to_string())
}

async fn update(session: Session) -> Result<String, Rejected> {
    let n: u64 = session.get(COUNTER).await?.unwrap_or(0) + 1;
    session.insert(COUNTER, n).await?;
    Ok(n.to_string())
}

async fn create(session: Session) -> Result<String, Rejected> {
    session.insert(COUNTER, 1_u64).await?;
    Ok(1_u64.to_string())
}

async fn fill(session: Session) -> Result<String, Rejected> {
    session.insert(COUNTER, 1_u64).await?;
    for (key, value) in PROFILE {
        session.insert(key, value).await?;
    }
    Ok(1_u64.to_string())
}
