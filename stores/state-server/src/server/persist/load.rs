//! Reading everything back at the start.

use bytes::Bytes;
use rusqlite::Row as SqlRow;
use session_core::{EndReason, Timestamp};

use super::change::Grave;
use super::disk::Disk;
use super::error::Fault;
use super::folder::Folder;
use super::row::{content_sum, decode, life_sum, row_sum};
use crate::server::items::{Content, Full, Item, Key, Listing, Row, Tick};
use crate::server::state::State;

/// How many items there are between two lines of progress.
const PROGRESS: usize = 100_000;

const ITEMS: &str = "
    SELECT id, key, expires, cookie, uninitialised, life_sum, revision, idle, absolute,
        content_sum, principal, labels, body
    FROM items";

/// What was read.
#[derive(Default)]
struct Count {
    live: usize,
    /// The ids of items that had expired while the server was down, or before.
    expired: Vec<i64>,
}

/// The time at which everything is read. The time in which the server was down counts, because
/// the file has wall-clock times.
#[derive(Clone, Copy)]
struct Start {
    wall: Timestamp,
    now: Tick,
}

/// Fills an empty server. Only when everything has been read, the file is made ready to be
/// written to.
pub(super) fn load(disk: Disk, folder: &Folder, state: &State) -> Result<Disk, Fault> {
    let start = Start {
        wall: state.clock.now(),
        now: state.now(),
    };
    let count = items(&disk, state, start)?;
    tombstones(&disk, state, start)?;
    control(&disk, state)?;
    let mut disk = disk.into_writable(&folder.file())?;
    disk.remove_expired(&count.expired)?;
    let (live, expired) = (count.live, count.expired.len());
    tracing::info!("{live} sessions read; {expired} had expired");
    Ok(disk)
}

impl Start {
    /// The tick of a wall-clock time; `None` if it is over.
    fn tick(self, wall: i64) -> Option<Tick> {
        if wall == i64::MAX {
            return Some(Tick::NEVER);
        }
        let left = wall.saturating_sub(self.wall.as_millis());
        let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
        Some(self.now.after(left))
    }
}

fn items(disk: &Disk, state: &State, start: Start) -> Result<Count, Fault> {
    let mut count = Count::default();
    let mut statement = disk.connection.prepare(ITEMS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match item(row, state, start)? {
            Some(item) => {
                let key = item.key.clone();
                let restored = state.at(&key, |shard, moment| shard.restore(moment, item));
                restored.map_err(|Full| Fault::TooLarge)?;
                count.live += 1;
            }
            None => count.expired.push(row.get(0)?),
        }
        let read = count.live + count.expired.len();
        if read.is_multiple_of(PROGRESS) {
            tracing::info!("reading: {read} sessions so far");
        }
    }
    Ok(count)
}

/// The item of a row, if it is alive.
fn item(row: &SqlRow<'_>, state: &State, start: Start) -> Result<Option<Item>, Fault> {
    let key = blob(row, 1)?;
    let (expires, cookie, is_uninitialised) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let numbers: [i64; 3] = [row.get(6)?, row.get(7)?, row.get(8)?];
    let (principal, labels, body) = (optional(row, 10)?, optional(row, 11)?, blob(row, 12)?);
    let is_sound = row.get::<_, i64>(5)? == life_sum(key, expires, cookie, is_uninitialised)
        && row.get::<_, i64>(9)? == content_sum(key, numbers, principal, labels, body);
    let [revision, idle, absolute] = numbers;
    let (true, Some(key), Ok(idle)) = (is_sound, decode(key), u64::try_from(idle)) else {
        return Err(damaged_row(row));
    };
    let (Some(expires), Some(absolute)) = (start.tick(expires), start.tick(absolute)) else {
        return Ok(None);
    };
    let content = Content {
        body: Bytes::copy_from_slice(body),
        is_paid: false,
        listing: listing(principal, labels).ok_or_else(|| damaged_row(row))?,
        idle,
        deadline: None,
    };
    let hash = state.keys.hash(&key);
    let mut item = Item::new(key, hash, content, start.now);
    item.revision = revision.cast_unsigned();
    item.absolute = absolute;
    // The wall clock may have been set back meanwhile; nobody lives longer by that.
    item.expires = item.expires.min(expires).min(absolute);
    item.cookie = cookie;
    item.is_uninitialised = is_uninitialised;
    Ok(Some(item))
}

/// Whose session it is. `None` if that is no principal.
#[expect(
    clippy::option_option,
    reason = "an item may have none, and a row may be wrong"
)]
fn listing(principal: Option<&[u8]>, labels: Option<&[u8]>) -> Option<Option<Box<Listing>>> {
    let principal = match principal {
        Some(bytes) => Some(bytes.try_into().ok()?),
        None => None,
    };
    let is_listed = principal.is_some() || labels.is_some();
    Some(is_listed.then(|| {
        Box::new(Listing {
            principal,
            labels: labels.unwrap_or_default().into(),
        })
    }))
}

fn tombstones(disk: &Disk, state: &State, start: Start) -> Result<(), Fault> {
    let order = "SELECT key, reason, expires FROM tombstones ORDER BY expires";
    let mut statement = disk.connection.prepare(order)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(until) = start.tick(row.get(2)?) else {
            continue;
        };
        let reason = reason(&row.get::<_, String>(1)?);
        let (Some(key @ Key::Session(session)), Some(reason)) = (decode(blob(row, 0)?), reason)
        else {
            return Err(damaged("a tombstone is damaged"));
        };
        let hash = state.keys.hash(&key);
        let grave = Grave { reason, until };
        state.at(&key, |shard, moment| {
            shard.restore_tombstone(moment, session, hash, grave);
        });
    }
    Ok(())
}

fn reason(name: &str) -> Option<EndReason> {
    use EndReason::{Destroyed, Renewed, Revoked};
    [Renewed, Destroyed, Revoked]
        .into_iter()
        .find(|reason| reason.as_str() == name)
}

fn control(disk: &Disk, state: &State) -> Result<(), Fault> {
    let all = "SELECT name, revision, sum, value FROM control";
    let mut statement = disk.connection.prepare(all)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = blob(row, 0)?;
        let control = Row {
            revision: row.get::<_, i64>(1)?.cast_unsigned(),
            value: Bytes::copy_from_slice(blob(row, 3)?),
        };
        if row.get::<_, i64>(2)? != row_sum(name, &control) {
            return Err(damaged("a control row is damaged"));
        }
        let restored = state.control.restore(name.into(), control, &state.budget);
        restored.map_err(|Full| Fault::TooLarge)?;
    }
    Ok(())
}

fn blob<'r>(row: &'r SqlRow<'_>, column: usize) -> Result<&'r [u8], Fault> {
    let value = row.get_ref(column)?.as_blob();
    value.map_err(|_| damaged("a column has a value of another type"))
}

fn optional<'r>(row: &'r SqlRow<'_>, column: usize) -> Result<Option<&'r [u8]>, Fault> {
    let value = row.get_ref(column)?.as_blob_or_null();
    value.map_err(|_| damaged("a column has a value of another type"))
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged(what.to_owned())
}

fn damaged_row(row: &SqlRow<'_>) -> Fault {
    let id: i64 = row.get(0).unwrap_or_default();
    Fault::Damaged(format!("the session in row {id} is damaged"))
}
