//! Control rows, which live on one server by their name.

use bytes::Bytes;
use session_core::{MetaRow, MetaSet, Revision, StoreError};

use super::farm::Farm;
use super::request;
use super::server::{Server, Verb};

/// Reads a row. One that only its former server has is copied: its version begins anew, and
/// whoever still has the former list is refused.
pub(super) async fn read(farm: &Farm, name: &str) -> Result<Option<MetaRow>, StoreError> {
    let (owner, former) = farm.control(name);
    let row = match (get(owner, name).await?, former) {
        (None, Some(former)) => copy(former, owner, name).await?,
        (row, _) => row,
    };
    owner.agree().await?;
    Ok(row)
}

async fn copy(from: &Server, to: &Server, name: &str) -> Result<Option<MetaRow>, StoreError> {
    let Some(row) = get(from, name).await? else {
        return Ok(None);
    };
    match set(to, name, None, &row.value).await? {
        MetaSet::Written(version) => Ok(Some(MetaRow { version, ..row })),
        MetaSet::Conflict(row) => Ok(row),
    }
}

/// Writes a row if it is at the version that is expected.
pub(super) async fn write(
    farm: &Farm,
    name: &str,
    expected: Option<Revision>,
    value: &Bytes,
) -> Result<MetaSet, StoreError> {
    let (owner, former) = farm.control(name);
    if former.is_some() {
        // Brings the row here if it is elsewhere.
        let row = read(farm, name).await?;
        if row.as_ref().map(|row| row.version) != expected {
            return Ok(MetaSet::Conflict(row));
        }
    }
    let set = set(owner, name, expected, value).await?;
    // Only afterwards it is sure that nobody had copied the row before.
    owner.agree().await?;
    Ok(set)
}

async fn get(server: &Server, name: &str) -> Result<Option<MetaRow>, StoreError> {
    let get = |out: &mut Vec<u8>| request::meta_get(out, name);
    server.ask(0, Verb::Get, get).await?.meta_get()
}

async fn set(
    server: &Server,
    name: &str,
    expected: Option<Revision>,
    value: &Bytes,
) -> Result<MetaSet, StoreError> {
    let set = |out: &mut Vec<u8>| request::meta_set(out, name, expected, value);
    server.ask(0, Verb::Write, set).await?.meta_set()
}
