//! What is done with tables.

use serde_json::{Value, json};
use session_core::StoreConfig;
use session_store_sql::schema::{Persistence, Status};

use super::Crashing;
use crate::answer::{Answer, Failure, UNWELL};
use crate::confirm::confirm;
use crate::stores;

impl From<Crashing> for Persistence {
    fn from(crashing: Crashing) -> Self {
        match crashing {
            Crashing::Permanent => Self::Permanent,
            Crashing::Temporary => Self::Temporary,
        }
    }
}

pub(super) fn print(store: &StoreConfig, crashing: Crashing) -> Result<Answer, Failure> {
    let sql = stores::schema(store)?.print(crashing.into());
    let json = json!({ "sql": sql });
    Ok(Answer::new(sql, json))
}

pub(super) async fn install(store: &StoreConfig, crashing: Crashing) -> Result<Answer, Failure> {
    let schema = stores::schema(store)?;
    let before = schema.install(crashing.into()).await?;
    let after = schema.status().await?;
    let text = match before {
        Status::Missing => format!("made the tables: {}", told(after)),
        Status::Current(_) => format!("nothing to do: {}", told(after)),
        _ => format!(
            "changed the tables, which were of another version: {}",
            told(after)
        ),
    };
    let json = json!({ "before": object(before), "after": object(after) });
    Ok(Answer::new(text, json))
}

pub(super) async fn remove(
    store: &StoreConfig,
    yes: bool,
    dry_run: bool,
) -> Result<Answer, Failure> {
    let schema = stores::schema(store)?;
    let status = schema.status().await?;
    let is_there = status != Status::Missing;
    if !is_there || dry_run {
        let text = match is_there {
            true => format!("would remove: {}", told(status)),
            false => told(status),
        };
        return Ok(Answer::new(
            text,
            json!({ "removed": false, "before": object(status) }),
        ));
    }
    let url = store.shown_url();
    let question = format!("This removes the tables in {url} and every session in them.");
    confirm(&question, yes)?;
    let removed = schema.remove().await?;
    let json = json!({ "removed": removed, "before": object(status) });
    Ok(Answer::new("removed the tables", json))
}

pub(super) async fn status(store: &StoreConfig) -> Result<Answer, Failure> {
    let status = stores::schema(store)?.status().await?;
    let answer = Answer::new(told(status), object(status));
    Ok(match status {
        Status::Current(_) => answer,
        _ => answer.status(UNWELL),
    })
}

/// A status for people.
pub(crate) fn told(status: Status) -> String {
    match status {
        Status::Missing => "no tables; run `sessionctl sql install`".to_owned(),
        Status::Current(version) => format!("tables of version {version}, the current one"),
        Status::Older(version) => {
            format!("tables of version {version}, an older one; run `sessionctl sql install`")
        }
        Status::Newer(version) => {
            format!("tables of version {version}, a newer one; update this program")
        }
    }
}

/// A status for programs.
fn object(status: Status) -> Value {
    let (name, version) = match status {
        Status::Missing => ("missing", None),
        Status::Current(version) => ("current", Some(version)),
        Status::Older(version) => ("older", Some(version)),
        Status::Newer(version) => ("newer", Some(version)),
    };
    json!({ "status": name, "version": version })
}
