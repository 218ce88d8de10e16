//! Control rows.

use bytes::Bytes;
use session_core::{MetaRow, MetaSet, Revision};

use super::dial::Deadline;
use super::fault::Fault;
use super::pool::Answer;
use super::store::Inner;

impl Inner {
    pub(super) async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<Revision>,
        value: &Bytes,
    ) -> Result<MetaSet, Fault> {
        let deadline = self.deadline();
        let answer = self.write_meta(name, expected, value, deadline).await?;
        let next = expected.map_or(Revision::FIRST, Revision::next);
        if answer.found() {
            return Ok(MetaSet::Written(next));
        }
        let row = self.meta(name, deadline).await?;
        let is_ours = |row: &MetaRow| row.version == next && row.value == *value;
        if answer.uncertain && row.as_ref().is_some_and(is_ours) {
            return Ok(MetaSet::Written(next));
        }
        Ok(MetaSet::Conflict(row))
    }

    async fn write_meta(
        &self,
        name: &str,
        expected: Option<Revision>,
        value: &Bytes,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        let value = value.as_ref();
        let Some(expected) = expected else {
            let statement = &self.statements.meta_add;
            return self.ask(statement, (name, value), deadline).await;
        };
        // A number that does not fit was never reached.
        let version = i64::try_from(expected.get()).unwrap_or(i64::MAX);
        let statement = &self.statements.meta_set;
        self.ask(statement, (value, name, version), deadline).await
    }
}
