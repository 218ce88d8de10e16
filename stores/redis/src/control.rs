//! Control rows.

use bytes::{Buf, Bytes};
use redis::Value;
use session_core::{MetaRow, MetaSet, Revision, StoreError};

use crate::fleet::Kind;
use crate::reply::foreign;
use crate::script;
use crate::store::RedisStore;

impl RedisStore {
    pub(crate) async fn row(&self, name: &str) -> Result<Option<MetaRow>, StoreError> {
        let name = self.keys.control(name);
        let answers = self.fleet.ask(name.slot, Kind::Repeatable, |_| {
            let mut command = redis::cmd("GET");
            command.arg(&name.bytes);
            command.into()
        });
        match answers.await?.into_iter().next() {
            Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(bytes)) => row(bytes).map(Some),
            _ => Err(foreign()),
        }
    }

    pub(crate) async fn write_row(
        &self,
        name: &str,
        expected: Option<Revision>,
        value: &[u8],
    ) -> Result<MetaSet, StoreError> {
        let name = self.keys.control(name);
        let version =
            expected.map_or_else(Vec::new, |version| version.get().to_be_bytes().to_vec());
        let answers = self.fleet.ask(name.slot, Kind::Write, |form| {
            let mut command = script::CONTROL.command(form, &[&name.bytes]);
            command.arg(&version).arg(value);
            command.into()
        });
        match answers.await?.into_iter().next() {
            Some(Value::Int(1)) => Ok(MetaSet::Written(match expected {
                Some(version) => version.next(),
                None => Revision::FIRST,
            })),
            Some(Value::Int(0)) => Ok(MetaSet::Conflict(None)),
            Some(Value::BulkString(bytes)) => Ok(MetaSet::Conflict(Some(row(bytes)?))),
            _ => Err(foreign()),
        }
    }
}

fn row(bytes: Vec<u8>) -> Result<MetaRow, StoreError> {
    let mut value = Bytes::from(bytes);
    let version = value.try_get_u64().ok().and_then(Revision::new);
    let version = version.ok_or_else(foreign)?;
    Ok(MetaRow { value, version })
}
