//! [`Batches`]: a batch is one statement; if a row of it is refused, each row is a statement.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use session_core::StoreError;

use super::Kind;
use crate::postgres::dial::Dialer;
use crate::postgres::fault::Fault;
use crate::postgres::links::Links;
use crate::postgres::pool::Pooled;
use crate::shared::gather::{Answer, Writer};

/// Writes the rows of one kind.
#[derive(Debug)]
pub(in crate::postgres) struct Batches<K> {
    pub(in crate::postgres) dialer: Arc<Dialer>,
    pub(in crate::postgres) links: Arc<Links>,
    /// The statement's place among those of the links.
    pub(in crate::postgres) statement: usize,
    pub(in crate::postgres) pooled: Arc<Pooled>,
    /// The statement, for the pool.
    pub(in crate::postgres) text: Arc<str>,
    pub(in crate::postgres) kind: PhantomData<K>,
}

/// An outcome, and whether an attempt before it may have been done as well.
#[derive(Clone, Copy, Debug)]
pub(in crate::postgres) struct Written<T> {
    pub(in crate::postgres) outcome: T,
    pub(in crate::postgres) uncertain: bool,
}

#[async_trait]
impl<K: Kind> Writer for Batches<K> {
    type Row = K::Row;
    type Outcome = Written<K::Outcome>;

    async fn write(&self, rows: Vec<K::Row>, answers: Vec<Answer<Self>>) {
        match self.together(&rows).await {
            Ok(written) => {
                for (answer, written) in answers.into_iter().zip(written) {
                    answer.send(Ok(written));
                }
            }
            Err(fault) if rows.len() > 1 && fault.is_of_a_row() => self.each(rows, answers),
            Err(fault) => {
                for answer in answers {
                    answer.send(Err(fault.clone().into()));
                }
            }
        }
    }
}

impl<K: Kind> Batches<K> {
    async fn together(&self, rows: &[K::Row]) -> Result<Vec<Written<K::Outcome>>, Fault> {
        let columns = K::parameters(rows);
        let parameters = columns.parameters();
        let deadline = self.dialer.deadline();
        let mut uncertain = false;
        let mut attempts = 0;
        loop {
            let asked = self.links.query(self.statement, &parameters, deadline);
            let fault = match asked.await {
                Ok(answered) => {
                    let outcomes = K::outcomes(rows, &answered, &self.dialer.target)?;
                    let written = |outcome| Written { outcome, uncertain };
                    return Ok(outcomes.into_iter().map(written).collect());
                }
                Err(fault) => fault,
            };
            uncertain |= fault.is_uncertain();
            attempts += 1;
            let hopeless = !fault.is_passing() || rows.len() > 1 && fault.is_of_a_row();
            if hopeless || !self.dialer.pause(deadline, attempts).await {
                return Err(fault);
            }
        }
    }

    /// Each row by itself and all at once, so that one that waits for a lock holds up nobody.
    fn each(&self, rows: Vec<K::Row>, answers: Vec<Answer<Self>>) {
        for (row, answer) in rows.into_iter().zip(answers) {
            let alone = alone::<K>(
                row,
                Arc::clone(&self.dialer),
                Arc::clone(&self.pooled),
                Arc::clone(&self.text),
            );
            let task = async move { answer.send(alone.await.map_err(StoreError::from)) };
            self.dialer.runtime.spawn(task);
        }
    }
}

async fn alone<K: Kind>(
    row: K::Row,
    dialer: Arc<Dialer>,
    pooled: Arc<Pooled>,
    text: Arc<str>,
) -> Result<Written<K::Outcome>, Fault> {
    let rows = [row];
    let columns = K::parameters(&rows);
    let answer = pooled.insist(&text, &columns.parameters()).await?;
    let outcomes = K::outcomes(&rows, &answer.rows, &dialer.target)?;
    let outcome = outcomes.into_iter().next();
    let outcome = outcome.ok_or_else(|| dialer.target.corrupt("a row without an outcome"))?;
    Ok(Written {
        outcome,
        uncertain: answer.uncertain,
    })
}
