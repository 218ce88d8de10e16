//! Listings of a principal's sessions, over all servers.

use std::time::Duration;

use session_core::{
    Cursor, Listed, Loaded, Page, PrincipalKey, Revision, StoreError, StoreErrorKind, StoreKey,
};

use super::NAME;
use super::farm::Farm;
use super::request;
use super::server::{Server, Verb};
use super::shown::Shown;
use crate::wire::{PAGE, parse_decimal, parse_hex};

/// Where a listing goes on: at which server, after which key there.
#[derive(Debug, Default)]
struct Place {
    server: usize,
    after: Option<StoreKey>,
}

/// One page, which begins with the sessions `before`: the servers are asked one after the other
/// until it is full or all were asked.
pub(super) async fn page(
    farm: &Farm,
    principal: PrincipalKey,
    after: Option<Cursor>,
    before: Vec<Listed>,
) -> Result<Page, StoreError> {
    let mut place = after.as_ref().map_or(Some(Place::default()), Place::read);
    let mut page = Page::default();
    page.sessions.extend(before.into_iter().take(PAGE));
    let unknown = || StoreError::new(StoreErrorKind::Other, NAME, "not a cursor of this store");
    let mut next = place.take().ok_or_else(unknown)?;
    let servers = farm.servers();
    while let Some(server) = servers.get(next.server) {
        let (mut listed, more) = part(server, &principal, next.after.as_ref()).await?;
        let end = listed.last().map(|listed| listed.key);
        // One that is about to leave for its owner is shown there.
        listed.retain(|listed| farm.number(listed.key.route()) == next.server);
        let room = PAGE - page.sessions.len();
        let cut = listed.len() > room;
        listed.truncate(room);
        let last = match cut {
            true => listed.last().map(|listed| listed.key),
            false => end,
        };
        page.sessions.append(&mut listed);
        if cut || more {
            next.after = last.or(next.after);
        } else {
            next = Place {
                server: next.server + 1,
                after: None,
            };
        }
        if page.sessions.len() == PAGE && next.server < servers.len() {
            page.next = Some(next.cursor());
            break;
        }
    }
    Ok(page)
}

/// The line of a session that was loaded.
pub(super) fn listed(key: StoreKey, loaded: Loaded) -> Listed {
    Listed {
        key,
        revision: loaded.revision,
        labels: loaded.record.labels,
        created: loaded.record.created,
        deadline: loaded.record.deadline,
        time_left: loaded.time_left,
    }
}

/// The keys of all sessions at one server.
pub(super) async fn keys(
    server: &Server,
    principal: &PrincipalKey,
) -> Result<Vec<StoreKey>, StoreError> {
    let mut keys: Vec<StoreKey> = Vec::new();
    loop {
        let (listed, more) = part(server, principal, keys.last()).await?;
        let is_over = listed.is_empty() || !more;
        keys.extend(listed.into_iter().map(|listed| listed.key));
        if is_over {
            return Ok(keys);
        }
    }
}

/// What a server lists at once, and whether there is more.
async fn part(
    server: &Server,
    principal: &PrincipalKey,
    after: Option<&StoreKey>,
) -> Result<(Vec<Listed>, bool), StoreError> {
    let list = |out: &mut Vec<u8>| request::list(out, principal, after);
    let answer = server.ask(0, Verb::Get, list).await?;
    let corrupt = answer.corrupt("a listing that is not in our format");
    let (lines, more) = answer.listing()?;
    Ok((sessions(&lines).ok_or(corrupt)?, more))
}

impl Place {
    fn read(cursor: &Cursor) -> Option<Self> {
        let (server, after) = cursor.as_bytes().split_first_chunk()?;
        let after = match after {
            [] => None,
            key => Some(StoreKey::from_bytes(key.try_into().ok()?)),
        };
        Some(Self {
            server: usize::from(u16::from_be_bytes(*server)),
            after,
        })
    }

    fn cursor(&self) -> Cursor {
        let server = u16::try_from(self.server).unwrap_or(u16::MAX);
        let mut bytes = server.to_be_bytes().to_vec();
        if let Some(after) = &self.after {
            bytes.extend_from_slice(after.as_bytes());
        }
        Cursor::new(bytes)
    }
}

/// The sessions of a listing, a line for each.
fn sessions(lines: &[u8]) -> Option<Vec<Listed>> {
    let lines = lines.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(session)
        .collect()
}

/// Reads `key revision ms-left labels`.
fn session(line: &[u8]) -> Option<Listed> {
    let mut words = line.split(|byte| *byte == b' ');
    let key = StoreKey::from_bytes(parse_hex(words.next()?)?);
    let revision = Revision::new(parse_decimal(words.next()?)?)?;
    let time_left = Duration::from_millis(parse_decimal(words.next()?)?);
    let shown = Shown::parse(words.next()?)?;
    Some(Listed {
        key,
        revision,
        labels: shown.labels,
        created: shown.created,
        deadline: shown.deadline,
        time_left,
    })
}
