//! A program that was built without a SQL database.

use session_core::StoreConfig;

use super::Crashing;
use crate::answer::{Answer, Failure};
use crate::stores;

fn refused(store: &StoreConfig) -> Result<Answer, Failure> {
    match stores::open(store) {
        Err(failure) if stores::is_sql(store) => Err(failure),
        _ => Err(Failure::new(
            "store.url: not a SQL database that this sessionctl was built for; build it with \
             `cargo install session-cli --features postgres`",
        )),
    }
}

pub(super) fn print(store: &StoreConfig, _: Crashing) -> Result<Answer, Failure> {
    refused(store)
}

pub(super) async fn install(store: &StoreConfig, _: Crashing) -> Result<Answer, Failure> {
    refused(store)
}

pub(super) async fn remove(store: &StoreConfig, _: bool, _: bool) -> Result<Answer, Failure> {
    refused(store)
}

pub(super) async fn status(store: &StoreConfig) -> Result<Answer, Failure> {
    refused(store)
}
