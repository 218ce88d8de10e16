//! Removing what has expired, in batches that are over in a moment.

use session_core::{StoreKey, Swept};

use super::fault::Fault;
use super::listing::keys;
use super::pool::Request;
use super::row::Reader;
use super::store::Inner;

/// The most rows of one batch.
const BATCH: usize = 500;

/// How long, in milliseconds, other instances leave the sweeping to the one that swept last.
const TURN: i64 = 10_000;

/// Which statement of the transaction shows what is removed, and how many there are.
const SHOWN: usize = 2;
const STATEMENTS: usize = 5;

/// Sessions that are due, as they were when they were looked for.
#[derive(Default)]
struct Due {
    expired: Vec<StoreKey>,
    extended: Vec<StoreKey>,
}

impl Inner {
    /// Rows that are due are removed, and those that were extended since are put off; only the
    /// former count. Nothing if it is another instance's turn.
    pub(super) async fn sweep(&self, limit: usize) -> Result<Vec<Swept>, Fault> {
        let mut swept = Vec::new();
        while swept.len() < limit {
            let batch = BATCH.min(limit - swept.len());
            let seen = match self.is_my_turn().await? {
                true => self.sweep_batch(batch, &mut swept).await?,
                false => 0,
            };
            if seen < batch {
                break;
            }
        }
        Ok(swept)
    }

    async fn is_my_turn(&self) -> Result<bool, Fault> {
        let parameters = (self.instance, TURN, self.instance);
        let deadline = self.deadline();
        let answer = self
            .ask(&self.statements.turn, parameters, deadline)
            .await?;
        Ok(answer.found())
    }

    /// Returns how many rows were due and have been dealt with.
    async fn sweep_batch(&self, batch: usize, swept: &mut Vec<Swept>) -> Result<usize, Fault> {
        let due = self.due(batch).await?;
        if !due.extended.is_empty() {
            let request = Request::Text(self.statements.put_off(&due.extended));
            self.pool.insist(&request, self.deadline()).await?;
        }
        let removed = match due.expired.is_empty() {
            true => 0,
            false => self.remove(&due.expired, swept).await?,
        };
        Ok(due.extended.len() + removed)
    }

    async fn due(&self, batch: usize) -> Result<Due, Fault> {
        let deadline = self.deadline();
        let answer = self.ask(&self.statements.due, (batch,), deadline).await?;
        let mut due = Due::default();
        for row in answer.rows(0) {
            let reader = Reader::new(row, self.target());
            match reader.is_true(1)? {
                true => due.expired.push(reader.key(0)?),
                false => due.extended.push(reader.key(0)?),
            }
        }
        Ok(due)
    }

    /// What is locked by somebody stays for the next sweep. The rest is shown and removed in one
    /// round trip, so no lock waits for this process, and only expired rows are locked.
    async fn remove(&self, expired: &[StoreKey], swept: &mut Vec<Swept>) -> Result<usize, Fault> {
        let request = Request::Text(self.statements.unlocked(expired));
        let answer = self.pool.insist(&request, self.deadline()).await?;
        let unlocked = keys(self, &answer)?;
        if unlocked.is_empty() {
            return Ok(0);
        }
        let text = self.statements.remove_these(&unlocked);
        let request = Request::Transaction(text, STATEMENTS);
        let answer = self.pool.insist(&request, self.deadline()).await?;
        for row in answer.rows(SHOWN) {
            let reader = Reader::new(row, self.target());
            if reader.is_true(2)? {
                swept.push(Swept {
                    key: reader.key(0)?,
                    principal: reader.principal(1)?,
                });
            }
        }
        Ok(answer.rows(SHOWN).len())
    }
}
