//! Reads: pipelined over the shared connections, and repeated at will.

use std::sync::Arc;

use session_core::{Clock, Listed, Load, MetaRow, Ping, PrincipalKey, Role, StoreKey, SystemClock};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::dial::{Dialer, Purpose};
use super::fault::Fault;
use super::links::Links;
use super::listing;
use super::row::Reader;
use super::statements::Statements;

const LOAD: usize = 0;
const LIST: usize = 1;
const META: usize = 2;
const PING: usize = 3;

/// The connections that carry reads.
#[derive(Debug)]
pub(super) struct Reads {
    dialer: Arc<Dialer>,
    links: Links,
}

impl Reads {
    pub(super) fn new(dialer: &Arc<Dialer>, statements: &Statements) -> Self {
        let texts = vec![
            statements.load.clone(),
            statements.list.clone(),
            statements.meta_get.clone(),
            statements.ping.clone(),
        ];
        let count = dialer.settings.connections;
        Self {
            dialer: Arc::clone(dialer),
            links: Links::new(dialer, Purpose::Plain, count, texts),
        }
    }

    async fn ask(
        &self,
        statement: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let deadline = self.dialer.deadline();
        let mut attempts = 0;
        loop {
            let fault = match self.links.query(statement, parameters, deadline).await {
                Ok(rows) => return Ok(rows),
                Err(fault) => fault,
            };
            attempts += 1;
            if !fault.is_passing() || !self.dialer.pause(deadline, attempts).await {
                return Err(fault);
            }
        }
    }

    fn reader<'a>(&'a self, row: &'a Row) -> Reader<'a> {
        Reader::new(row, &self.dialer.target)
    }

    pub(super) async fn load(&self, key: &StoreKey) -> Result<Load, Fault> {
        let rows = self.ask(LOAD, &[&key.as_bytes().as_slice()]).await?;
        let Some(row) = rows.first() else {
            return Ok(Load::Absent);
        };
        let reader = self.reader(row);
        match reader.ended(0)? {
            Some(reason) => Ok(Load::Ended(reason)),
            None => Ok(Load::Found(reader.loaded(1)?)),
        }
    }

    /// Up to `most` sessions of a principal, from the first key after `after` on.
    pub(super) async fn list(
        &self,
        principal: &PrincipalKey,
        after: &[u8],
        most: i64,
    ) -> Result<Vec<Listed>, Fault> {
        let principal = principal.as_bytes().as_slice();
        let rows = self.ask(LIST, &[&principal, &after, &most]).await?;
        let listed = |row| listing::listed(self.reader(row));
        rows.iter().map(listed).collect()
    }

    pub(super) async fn meta(&self, name: &str) -> Result<Option<MetaRow>, Fault> {
        let rows = self.ask(META, &[&name]).await?;
        let row = rows.first().map(|row| {
            let reader = self.reader(row);
            Ok(MetaRow {
                version: reader.revision(0)?,
                value: reader.bytes(1)?,
            })
        });
        row.transpose()
    }

    pub(super) async fn ping(&self, clock: &SystemClock) -> Result<Ping, Fault> {
        let began = clock.monotonic();
        let rows = self.ask(PING, &[]).await?;
        let no_answer = || self.dialer.target.corrupt("a ping without an answer");
        let reader = self.reader(rows.first().ok_or_else(no_answer)?);
        Ok(Ping {
            latency: clock.monotonic().saturating_sub(began),
            role: match reader.get(1)? {
                true => Role::ReadOnly,
                false => Role::Primary,
            },
            store_time: reader.time(0)?,
        })
    }
}
