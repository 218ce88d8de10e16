//! [`Roster`]: the list of servers, on which all clients of a farm have to agree.
//!
//! Who keeps a session follows from the list, so two clients with different lists would not find
//! each other's sessions, and would take "not here" for "ended". Every server therefore has a
//! control row with the list that it serves, and a client compares it on every connection and
//! whenever a session is not where it should be.

use std::sync::atomic::{AtomicBool, Ordering};

use session_core::{Revision, Timestamp};

use super::address::Address;
use super::partition;
use super::reply::Reply;

/// The name of the control row.
pub(super) const ROW: &str = "server-list";

/// What the row begins with.
const TITLE: &str = "session-state-server list 1";

/// The list that this client was given, and the one before it.
///
/// The row is text, for people to read: a title, and then `hash`, `servers`, `previous` and
/// `since` (milliseconds since the Unix epoch, by the server's clock), each on a line of its own.
/// Names are sorted, so their order in the configuration does not matter.
///
/// A server without a row gets that of the first client that comes. A client whose `previous`
/// list is that of the row takes the server over: from then on clients with the former list are
/// refused, when they connect or when they miss a session. Lists of one server are all alike: it
/// has every session, whatever it is called.
#[derive(Debug)]
pub(super) struct Roster {
    servers: Vec<String>,
    previous: Vec<String>,
    /// Whether a disagreement was logged that has not been settled since.
    is_logged: AtomicBool,
}

/// What follows from a server's row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server has our list.
    Agreed,
    /// The row is to be written, if it is at this version still.
    Write(Option<Revision>, String),
    /// The server has another list; this names both.
    Differs(String),
    /// This is no answer to a request for a row.
    Odd,
}

impl Roster {
    pub(super) fn new(servers: &[Address], previous: &[Address]) -> Self {
        Self {
            servers: names(servers),
            previous: names(previous),
            is_logged: AtomicBool::new(false),
        }
    }

    /// What follows from the answer to reading the row, or to writing it.
    pub(super) fn judge(&self, reply: &Reply, is_write: bool) -> Verdict {
        match reply.status {
            200 | 201 if is_write => self.agreed(),
            200 | 412 => match reply.revision {
                Some(version) => self.compare(&reply.body, version, reply.server_time),
                None => Verdict::Odd,
            },
            404 => Verdict::Write(None, self.row(reply.server_time)),
            _ => Verdict::Odd,
        }
    }

    fn compare(&self, row: &[u8], version: Revision, time: Option<Timestamp>) -> Verdict {
        let Some(theirs) = read(row) else {
            return self.differs("one that this version cannot read");
        };
        if is_same(&theirs, &self.servers) {
            return self.agreed();
        }
        if !self.previous.is_empty() && is_same(&theirs, &self.previous) {
            return Verdict::Write(Some(version), self.row(time));
        }
        self.differs(&theirs.join(","))
    }

    fn agreed(&self) -> Verdict {
        self.is_logged.store(false, Ordering::Relaxed);
        Verdict::Agreed
    }

    fn differs(&self, theirs: &str) -> Verdict {
        let ours = self.servers.join(",");
        let problem = format!(
            "the server belongs to the list {theirs}, and this process was given {ours}; give \
             all instances the same list in store.url, and while they change to a new one its \
             former list in store.previous"
        );
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(theirs, ours, "{problem}");
        }
        Verdict::Differs(problem)
    }

    fn row(&self, time: Option<Timestamp>) -> String {
        let servers = self.servers.join(",");
        let previous = self.previous.join(",");
        let hash = partition::hash(servers.as_bytes());
        let since = time.unwrap_or_default().as_millis();
        format!(
            "{TITLE}\nhash: {hash:016x}\nservers: {servers}\nprevious: {previous}\n\
             since: {since}\n"
        )
    }
}

fn names(servers: &[Address]) -> Vec<String> {
    let mut names: Vec<_> = servers.iter().map(Address::to_string).collect();
    names.sort_unstable();
    names
}

fn is_same(one: &[String], other: &[String]) -> bool {
    one == other || (one.len() == 1 && other.len() == 1)
}

/// The servers in a row.
fn read(row: &[u8]) -> Option<Vec<String>> {
    let mut lines = std::str::from_utf8(row).ok()?.lines();
    lines.next().filter(|title| *title == TITLE)?;
    let servers = lines.find_map(|line| line.strip_prefix("servers: "))?;
    Some(servers.split(',').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(servers: &[&str], previous: &[&str]) -> Roster {
        let read = |list: &[&str]| -> Vec<_> {
            list.iter()
                .map(|text| Address::parse(text).unwrap())
                .collect()
        };
        Roster::new(&read(servers), &read(previous))
    }

    fn reply(status: u16, row: &str) -> Reply {
        Reply {
            status,
            revision: Revision::new(7),
            body: row.to_owned().into(),
            ..Reply::default()
        }
    }

    fn row(of: &Roster) -> String {
        match of.judge(&reply(404, ""), false) {
            Verdict::Write(None, row) => row,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let row = row(&roster(&["b", "a"], &[]));
        let verdict = roster(&["a", "b"], &[]).judge(&reply(200, &row), false);
        assert_eq!(verdict, Verdict::Agreed);
    }

    #[test]
    fn another_list_is_named_with_ours() {
        let row = row(&roster(&["a", "b"], &[]));
        for status in [200, 412] {
            match roster(&["a", "c"], &[]).judge(&reply(status, &row), false) {
                Verdict::Differs(problem) => {
                    for word in ["a:42424,b:42424", "a:42424,c:42424", "store.previous"] {
                        assert!(problem.contains(word), "no {word} in {problem}");
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_next_list_takes_over() {
        let former = roster(&["a", "b"], &[]);
        let next = roster(&["a", "b", "c"], &["b", "a"]);
        match next.judge(&reply(200, &row(&former)), false) {
            Verdict::Write(version, taken) => {
                assert_eq!(version, Revision::new(7));
                assert!(taken.contains("previous: a:42424,b:42424"), "{taken}");
                let refused = former.judge(&reply(200, &taken), false);
                assert!(matches!(refused, Verdict::Differs(_)), "{refused:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(next.judge(&reply(200, ""), true), Verdict::Agreed);
    }

    #[test]
    fn a_single_server_has_every_session_whatever_its_name() {
        let row = row(&roster(&["localhost"], &[]));
        let verdict = roster(&["127.0.0.1"], &[]).judge(&reply(200, &row), false);
        assert_eq!(verdict, Verdict::Agreed);
        let verdict = roster(&["localhost", "b"], &[]).judge(&reply(200, &row), false);
        assert!(matches!(verdict, Verdict::Differs(_)), "{verdict:?}");
    }

    #[test]
    fn what_is_no_list_is_not_replaced() {
        for row in ["", "servers: a", "session-state-server list 2\nservers: a"] {
            let verdict = roster(&["a"], &["a"]).judge(&reply(200, row), false);
            assert!(matches!(verdict, Verdict::Differs(_)), "{row}");
        }
        let odd = roster(&["a"], &[]).judge(&reply(500, ""), false);
        assert_eq!(odd, Verdict::Odd);
    }
}
