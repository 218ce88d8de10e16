//! Moving a session to a fresh key, with a tombstone behind it.

use std::sync::Arc;

use session_core::{LeaseUse, Lifetime, Load, Record, Revision, Save, StoreError, StoreKey};
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::pool::Answer;
use super::row::Reader;
use super::store::PostgresStore;
use super::write::{base, record, token, verdict};
use crate::shared::length::millis;

/// What is to become of a session.
pub(super) struct Renaming {
    pub(super) from: StoreKey,
    pub(super) to: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

pub(super) async fn rename(
    store: &Arc<PostgresStore>,
    renaming: &Renaming,
) -> Result<Save, StoreError> {
    if renaming.from.route() != renaming.to.route() {
        return Err(store.target().taken().into());
    }
    let answer = ask(store, renaming).await?;
    let outcome = outcome(store, renaming, &answer)?;
    store.turns.wake(&renaming.from);
    if answer.uncertain && matches!(outcome, Save::Ended(_)) && is_ours(store, renaming).await? {
        return Ok(Save::Saved(renaming.base.next()));
    }
    Ok(outcome)
}

async fn ask(store: &PostgresStore, renaming: &Renaming) -> Result<Answer, Fault> {
    let (principal, labels, content) = record(&renaming.record);
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &renaming.from.as_bytes().as_slice(),
        &renaming.to.as_bytes().as_slice(),
        &base(renaming.base),
        &token(renaming.lease),
        &millis(renaming.lifetime.idle),
        &millis(renaming.lifetime.absolute),
        &principal,
        &labels,
        &content,
    ];
    let statement = &store.statements.rename;
    store.pooled.insist(statement, &parameters).await
}

fn outcome(store: &PostgresStore, renaming: &Renaming, answer: &Answer) -> Result<Save, Fault> {
    let mut found_free = false;
    let mut outcome = None;
    for row in &answer.rows {
        match verdict(Reader::new(row, store.target()), 0, renaming.base)? {
            Some(verdict) => outcome = Some(verdict),
            None => found_free = true,
        }
    }
    match outcome {
        Some(outcome) => Ok(outcome),
        None if found_free => Err(store.target().taken()),
        None => Ok(Save::Missing),
    }
}

/// Whether an attempt whose answer was lost has moved the session.
async fn is_ours(store: &PostgresStore, renaming: &Renaming) -> Result<bool, Fault> {
    let load = store.reads.load(&renaming.to).await?;
    Ok(matches!(load, Load::Found(loaded)
        if loaded.revision == renaming.base.next() && loaded.record == renaming.record))
}
