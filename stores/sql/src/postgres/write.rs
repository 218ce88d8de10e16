//! Gathered writes: creates, saves, touches and deletes, many rows in a statement.

mod batch;
mod columns;

use std::collections::HashMap;

use session_core::{
    Create, EndReason, LeaseUse, Lifetime, Record, Revision, Save, StoreKey, Touch,
};
use tokio_postgres::Row as Answered;

use self::columns::{Columns, bytes, keys, records};
use super::fault::{Fault, Target};
use super::row::Reader;
use super::statements::{DONE, ENDED, FREE, LEASED, MISSING, STALE};
use crate::shared::gather::Row;
use crate::shared::length::millis;
use crate::shared::reason;

pub(super) use self::batch::{Batches, Written};

/// A write that is gathered: how its rows become parameters, and what is answered to each.
pub(super) trait Kind: Send + Sync + 'static {
    type Row: Row;
    type Outcome: Send + 'static;

    /// The parameters of the statement.
    fn parameters(rows: &[Self::Row]) -> Columns<'_>;

    /// The outcome for each row.
    fn outcomes(
        rows: &[Self::Row],
        answered: &[Answered],
        target: &Target,
    ) -> Result<Vec<Self::Outcome>, Fault>;
}

/// The places, counted from zero, that `WITH ORDINALITY` gave to the rows that came back.
fn places(answered: &[Answered], target: &Target) -> Result<Vec<usize>, Fault> {
    let place = |row| place(Reader::new(row, target));
    answered.iter().map(place).collect()
}

fn place(reader: Reader<'_>) -> Result<usize, Fault> {
    let number: i64 = reader.get(0)?;
    let place = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    place.ok_or_else(|| reader.corrupt("an answer to no row"))
}

#[derive(Debug)]
pub(super) struct Creating {
    pub(super) key: StoreKey,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
}

impl Row for Creating {
    fn key(&self) -> StoreKey {
        self.key
    }

    fn size(&self) -> usize {
        self.record.size()
    }
}

/// Adding fresh sessions.
#[derive(Debug)]
pub(super) struct Creates;

impl Kind for Creates {
    type Row = Creating;
    type Outcome = Create;

    fn parameters(rows: &[Creating]) -> Columns<'_> {
        let lifetimes = |length: fn(&Lifetime) -> i64| -> Vec<i64> {
            rows.iter().map(|row| length(&row.lifetime)).collect()
        };
        let mut columns = Columns::new(vec![
            Box::new(keys(rows)),
            Box::new(lifetimes(|lifetime| millis(lifetime.idle))),
            Box::new(lifetimes(|lifetime| millis(lifetime.absolute))),
        ]);
        columns.append(records(rows.iter().map(|row| &row.record)));
        columns
    }

    fn outcomes(
        rows: &[Creating],
        answered: &[Answered],
        target: &Target,
    ) -> Result<Vec<Create>, Fault> {
        let key = |row| Reader::new(row, target).key(0);
        let created: Vec<_> = answered.iter().map(key).collect::<Result<_, _>>()?;
        let outcome = |row: &Creating| match created.contains(&row.key) {
            true => Create::Created(Revision::FIRST),
            false => Create::AlreadyExists,
        };
        Ok(rows.iter().map(outcome).collect())
    }
}

#[derive(Debug)]
pub(super) struct Saving {
    pub(super) key: StoreKey,
    pub(super) base: Revision,
    pub(super) record: Record,
    pub(super) lifetime: Lifetime,
    pub(super) lease: LeaseUse,
}

impl Row for Saving {
    fn key(&self) -> StoreKey {
        self.key
    }

    fn size(&self) -> usize {
        self.record.size()
    }
}

/// Replacing records by compare-and-swap.
#[derive(Debug)]
pub(super) struct Saves;

impl Kind for Saves {
    type Row = Saving;
    type Outcome = Save;

    fn parameters(rows: &[Saving]) -> Columns<'_> {
        let numbers =
            |number: fn(&Saving) -> i64| -> Vec<i64> { rows.iter().map(number).collect() };
        let tokens: Vec<_> = rows.iter().map(|row| token(row.lease)).collect();
        let releases: Vec<_> = rows.iter().map(|row| releases(row.lease)).collect();
        let mut columns = Columns::new(vec![
            Box::new(keys(rows)),
            Box::new(numbers(|row| base(row.base))),
            Box::new(numbers(|row| millis(row.lifetime.idle))),
            Box::new(numbers(|row| millis(row.lifetime.absolute))),
            Box::new(tokens),
            Box::new(releases),
        ]);
        columns.append(records(rows.iter().map(|row| &row.record)));
        columns
    }

    fn outcomes(
        rows: &[Saving],
        answered: &[Answered],
        target: &Target,
    ) -> Result<Vec<Save>, Fault> {
        let mut free = 0_usize;
        let mut outcomes = HashMap::with_capacity(rows.len());
        for row in answered {
            let reader = Reader::new(row, target);
            let place = place(reader)?;
            let base = rows.get(place).map(|row| row.base);
            let base = base.ok_or_else(|| reader.corrupt("an answer to no row"))?;
            match verdict(reader, 1, base)? {
                Some(outcome) => {
                    outcomes.insert(place, outcome);
                }
                None => free += 1,
            }
        }
        let saved = |outcome: &&Save| matches!(outcome, Save::Saved(_));
        if outcomes.values().filter(saved).count() != free {
            return Err(target.corrupt("a row that could be written and was not"));
        }
        let outcome = |place| outcomes.remove(&place).unwrap_or(Save::Missing);
        Ok((0..rows.len()).map(outcome).collect())
    }
}

/// The base as it is compared. A number that does not fit was never reached.
pub(super) fn base(base: Revision) -> i64 {
    i64::try_from(base.get()).unwrap_or(i64::MAX)
}

/// The token as it is compared.
pub(super) fn token(lease: LeaseUse) -> Option<i64> {
    let number = |token: session_core::LeaseToken| i64::try_from(token.get());
    lease.token().map(|token| number(token).unwrap_or(i64::MAX))
}

fn releases(lease: LeaseUse) -> bool {
    matches!(lease, LeaseUse::Release(_))
}

/// The outcome in the columns from `first` on; none if the row was found free, which a row of
/// its own says the end of.
pub(super) fn verdict(
    reader: Reader<'_>,
    first: usize,
    base: Revision,
) -> Result<Option<Save>, Fault> {
    let outcome = match reader.get::<i32>(first)? {
        DONE => Save::Saved(base.next()),
        FREE => return Ok(None),
        STALE => Save::Stale(reader.loaded(first + 2)?),
        LEASED => Save::Leased,
        MISSING => Save::Missing,
        ENDED => {
            let reason = reader.ended(first + 1)?;
            Save::Ended(reason.ok_or_else(|| reader.corrupt("an end without a reason"))?)
        }
        _ => return Err(reader.corrupt("a verdict that is unknown")),
    };
    Ok(Some(outcome))
}

#[derive(Debug)]
pub(super) struct Touching(pub(super) StoreKey);

impl Row for Touching {
    fn key(&self) -> StoreKey {
        self.0
    }

    fn size(&self) -> usize {
        StoreKey::LENGTH
    }
}

/// Sliding expiries.
#[derive(Debug)]
pub(super) struct Touches;

impl Kind for Touches {
    type Row = Touching;
    type Outcome = Touch;

    fn parameters(rows: &[Touching]) -> Columns<'_> {
        Columns::new(vec![Box::new(keys(rows))])
    }

    fn outcomes(
        rows: &[Touching],
        answered: &[Answered],
        target: &Target,
    ) -> Result<Vec<Touch>, Fault> {
        let mut outcomes = vec![Touch::Missing; rows.len()];
        for place in places(answered, target)? {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = Touch::Touched;
            }
        }
        Ok(outcomes)
    }
}

#[derive(Debug)]
pub(super) struct Deleting {
    pub(super) key: StoreKey,
    pub(super) reason: EndReason,
}

impl Row for Deleting {
    fn key(&self) -> StoreKey {
        self.key
    }

    fn size(&self) -> usize {
        StoreKey::LENGTH
    }
}

/// Ending sessions.
#[derive(Debug)]
pub(super) struct Deletes;

impl Kind for Deletes {
    type Row = Deleting;
    type Outcome = bool;

    fn parameters(rows: &[Deleting]) -> Columns<'_> {
        let reasons: Vec<_> = rows.iter().map(|row| reason::number(row.reason)).collect();
        Columns::new(vec![Box::new(keys(rows)), Box::new(reasons)])
    }

    fn outcomes(
        rows: &[Deleting],
        answered: &[Answered],
        target: &Target,
    ) -> Result<Vec<bool>, Fault> {
        let mut outcomes = vec![false; rows.len()];
        for place in places(answered, target)? {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = true;
            }
        }
        Ok(outcomes)
    }
}

/// The parameters of one record: principal, labels and canonical bytes.
pub(super) fn record(record: &Record) -> (Option<&[u8]>, &[u8], Vec<u8>) {
    bytes(record)
}
