//! The framework alone, with the same handlers less their sessions.

use axum::routing::get;
use tokio::runtime::Runtime;

use super::{router, untouched};
use crate::instance::{App, Failure};

pub fn app(_: &Runtime) -> Result<Box<dyn App>, Failure> {
    let (read, update, create, fill) = (
        get(untouched),
        get(untouched),
        get(untouched),
        get(untouched),
    );
    Ok(Box::new(router(read, update, create, fill)))
}
