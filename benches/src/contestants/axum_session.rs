//! axum_session with its in-memory store and no database behind it, in its default mode
//! (which makes a session for every visitor without a cookie).

use axum::routing::get;
use axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use tokio::runtime::Runtime;
use tower_layer::Layer;

use super::{COUNTER, PROFILE, router};
use crate::instance::{App, Failure};

type Session = axum_session::Session<SessionNullPool>;

pub fn app(runtime: &Runtime) -> Result<Box<dyn App>, Failure> {
    let router = router(get(read), get(update), get(create), get(fill));
    // The layer spawns its sweeper, so it must be made on the runtime.
    runtime.block_on(async {
        let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;
        let app: Box<dyn App> = Box::new(SessionLayer::new(store).layer(router));
        Ok(app)
    })
}

async fn read(session: Session) -> String {
    let n: u64 = session.get(COUNTER).unwrap_or(0);
    n.to_string()
}

async fn update(session: Session) -> String {
    let n: u64 = session.get(COUNTER).unwrap_or(0) + 1;
    session.set(COUNTER, n);
    n.to_string()
}

async fn create(session: Session) -> String {
    session.set(COUNTER, 1_u64);
    1_u64.to_string()
}

async fn fill(session: Session) -> String {
    session.set(COUNTER, 1_u64);
    for (key, value) in PROFILE {
        session.set(key, value);
    }
    1_u64.to_string()
}
