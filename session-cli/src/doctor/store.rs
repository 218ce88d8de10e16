//! The store: whether it answers, how fast, what its clock says, and its tables.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ConfigFile, Role, SessionStore};

use super::finding::{Finding, Level};
use crate::stats::{Asked, ask, millis};
use crate::stores;

const CHECK: &str = "store";

/// A store that takes longer holds up every request.
const SLOW: Duration = Duration::from_millis(50);

/// Clocks that are further apart make a farm's dates hard to read.
const APART: u64 = 10_000;

/// Clocks that are further apart than this disagree on which key seals.
const TOO_FAR_APART: u64 = 5 * 60 * 1000;

/// Looks at the store, and gives it if it answers.
pub(super) async fn examine(
    file: &ConfigFile,
    findings: &mut Vec<Finding>,
) -> Option<Arc<dyn SessionStore>> {
    if stores::is_memory(&file.store) {
        findings.push(Finding::warning(
            CHECK,
            "memory: sessions end with the process and are seen by it alone; a farm needs a \
             store that is shared",
        ));
        return None;
    }
    let url = file.store.shown_url();
    let asked = reach(file).await;
    tables(file, findings).await;
    match asked {
        Ok((store, asked)) => {
            findings.push(answering(&url, &asked));
            findings.push(clock(asked.ahead));
            Some(store)
        }
        Err(told) => {
            findings.push(Finding::broken(CHECK, told));
            None
        }
    }
}

/// Asks twice: the first answer has the connecting in it.
async fn reach(file: &ConfigFile) -> Result<(Arc<dyn SessionStore>, Asked), String> {
    let store = stores::open(&file.store).map_err(|failure| failure.to_string())?;
    ask(&store).await.map_err(|error| error.to_string())?;
    let asked = ask(&store).await.map_err(|error| error.to_string())?;
    Ok((store, asked))
}

fn answering(url: &str, asked: &Asked) -> Finding {
    let latency = millis(asked.ping.latency);
    if asked.ping.role == Role::ReadOnly {
        let told = format!("{url} takes no writes; name the primary");
        return Finding::broken(CHECK, told);
    }
    if asked.ping.latency > SLOW {
        let told = format!("{url} took {latency} to answer; every request waits as long");
        return Finding::warning(CHECK, told);
    }
    Finding::ok(CHECK, format!("{url} answered in {latency}"))
}

fn clock(ahead: i64) -> Finding {
    let level = match ahead.unsigned_abs() {
        apart if apart > TOO_FAR_APART => Level::Broken,
        apart if apart > APART => Level::Warning,
        _ => Level::Ok,
    };
    let told = match level {
        Level::Ok => format!("the store's is {ahead:+} ms from this machine's"),
        _ => format!("the store's is {ahead:+} ms from this machine's; set both by NTP"),
    };
    Finding::new("clock", level, told)
}

#[cfg(feature = "sql")]
async fn tables(file: &ConfigFile, findings: &mut Vec<Finding>) {
    use session_store_sql::schema::Status;

    if !stores::is_sql(&file.store) {
        return;
    }
    // A database that cannot be reached is a finding of the store.
    let Ok(schema) = stores::schema(&file.store) else {
        return;
    };
    if let Ok(status) = schema.status().await {
        let told = crate::sql::told(status);
        findings.push(match status {
            Status::Current(_) => Finding::ok("tables", told),
            _ => Finding::broken("tables", told),
        });
    }
}

#[cfg(not(feature = "sql"))]
async fn tables(_: &ConfigFile, _: &mut Vec<Finding>) {}

#[cfg(test)]
mod tests {
    use super::{Level, clock};

    #[test]
    fn clocks_may_be_a_little_apart() {
        let level = |ahead| clock(ahead).level();
        assert_eq!(level(-9_000), Level::Ok);
        assert_eq!(level(11_000), Level::Warning);
        assert_eq!(level(-301_000), Level::Broken);
    }
}
