//! Reads, which are repeated at will.

use session_core::{Clock, Listed, Load, MetaRow, Ping, PrincipalKey, Role, StoreKey};

use super::dial::Deadline;
use super::fault::Fault;
use super::listing;
use super::pool::Answer;
use super::row::Reader;
use super::store::Inner;

impl Inner {
    /// A row with all that there is to know of it, for `Reader`.
    pub(super) async fn look(&self, key: &StoreKey, deadline: Deadline) -> Result<Answer, Fault> {
        let parameters = (key.as_bytes().as_slice(),);
        self.ask(&self.statements.load, parameters, deadline).await
    }

    pub(super) async fn load(&self, key: &StoreKey) -> Result<Load, Fault> {
        let answer = self.look(key, self.deadline()).await?;
        let Some(row) = answer.row() else {
            return Ok(Load::Absent);
        };
        let reader = Reader::new(row, self.target());
        match reader.ended(0)? {
            Some(reason) => Ok(Load::Ended(reason)),
            None => Ok(Load::Found(reader.loaded(1)?)),
        }
    }

    /// Up to `most` sessions of a principal, from the first key after `after` on.
    pub(super) async fn listed(
        &self,
        principal: &PrincipalKey,
        after: &[u8],
        most: usize,
    ) -> Result<Vec<Listed>, Fault> {
        let parameters = (principal.as_bytes().as_slice(), after, most);
        let deadline = self.deadline();
        let answer = self
            .ask(&self.statements.list, parameters, deadline)
            .await?;
        let listed = |row| listing::listed(Reader::new(row, self.target()));
        answer.rows(0).iter().map(listed).collect()
    }

    pub(super) async fn meta(
        &self,
        name: &str,
        deadline: Deadline,
    ) -> Result<Option<MetaRow>, Fault> {
        let statement = &self.statements.meta_get;
        let answer = self.ask(statement, (name,), deadline).await?;
        let row = answer.row().map(|row| {
            let reader = Reader::new(row, self.target());
            Ok(MetaRow {
                version: reader.revision(0)?,
                value: reader.bytes(1)?,
            })
        });
        row.transpose()
    }

    pub(super) async fn ping(&self) -> Result<Ping, Fault> {
        let clock = &self.dialer.clock;
        let began = clock.monotonic();
        let deadline = self.deadline();
        let answer = self.ask(&self.statements.ping, (), deadline).await?;
        let no_answer = || self.target().corrupt("a ping without an answer");
        let row = answer.row().ok_or_else(no_answer)?;
        let reader = Reader::new(row, self.target());
        Ok(Ping {
            latency: clock.monotonic().saturating_sub(began),
            role: match reader.is_true(1)? {
                true => Role::ReadOnly,
                false => Role::Primary,
            },
            store_time: reader.time(0)?,
        })
    }
}
