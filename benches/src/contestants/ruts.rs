//! ruts with its in-process (moka) store and its default encoding.

use std::sync::Arc;

use axum::routing::get;
use ruts::{
    CookieOptions, SessionLayer,
    store::{
        Ttl,
        moka::{MokaStore, MokaStoreBuilder},
    },
};
use tokio::runtime::Runtime;
use tower_cookies::CookieManagerLayer;
use tower_layer::Layer;

use super::{COUNTER, PROFILE, Rejected, router};
use crate::instance::{App, Failure};

type Session = ruts::Session<MokaStore>;

/// More than any part fills in, so that nothing is evicted.
const CAPACITY: u64 = 10_000_000;

pub fn app(_: &Runtime) -> Result<Box<dyn App>, Failure> {
    let router = router(get(read), get(update), get(create), get(fill));
    let store = MokaStoreBuilder::new().max_capacity(CAPACITY).build();
    let layer = SessionLayer::new(Arc::new(store))
        .with_cookie_options(CookieOptions::build().name("session").path("/"));
    Ok(Box::new(
        CookieManagerLayer::new().layer(layer.layer(router)),
    ))
}

fn twenty_minutes() -> Result<Ttl, Rejected> {
    Ok(Ttl::new(1200)?)
}

async fn read(session: Session) -> Result<String, Rejected> {
    let n: u64 = session.get(COUNTER).await?.unwrap_or(0);
    Ok(n.to_string())
}

async fn update(session: Session) -> Result<String, Rejected> {
    let n: u64 = session.get(COUNTER).await?.unwrap_or(0) + 1;
    session.set(COUNTER, &n, twenty_minutes()?, None).await?;
    Ok(n.to_string())
}

async fn create(session: Session) -> Result<String, Rejected> {
    session
        .set(COUNTER, &1_u64, twenty_minutes()?, None)
        .await?;
    Ok(1_u64.to_string())
}

async fn fill(session: Session) -> Result<String, Rejected> {
    session
        .set(COUNTER, &1_u64, twenty_minutes()?, None)
        .await?;
    for (key, value) in PROFILE {
        session
            .set(key, &value.to_owned(), twenty_minutes()?, None)
            .await?;
    }
    Ok(1_u64.to_string())
}
