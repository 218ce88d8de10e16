//! What can go wrong between us and the server, said so that an operator knows what to do.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use session_core::{StoreError, StoreErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::NAME;
use super::settings::Settings;

/// A failure that many operations may share.
#[derive(Clone, Debug)]
pub(super) struct Fault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: StoreErrorKind,
    hope: Hope,
    message: String,
}

/// What another attempt can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hope {
    /// No better.
    None,
    /// No better on this connection, and with one server perhaps on none; nothing was done.
    NotHere,
    /// Better on another connection; nothing was done.
    Elsewhere,
    /// Better for the other rows: one of them was refused, and nothing was done.
    Alone,
    /// Better in a moment, for most of the rows: somebody else was at one of them, and nothing
    /// was done.
    Contended,
    /// Better in a moment; nothing was done.
    Soon,
    /// Better on another connection; it may have been done.
    Unknown,
}

/// The server as it is named in errors.
#[derive(Clone, Debug)]
pub(super) struct Target {
    place: String,
    url: String,
    user: String,
    database: String,
    tables: String,
    /// Whether the URL names several servers.
    several: bool,
}

impl Target {
    pub(super) fn new(settings: &Settings) -> Self {
        let user = settings.place.user.clone();
        let user = user.unwrap_or_else(|| "of the operating system".to_owned());
        Self {
            place: settings.place.shown(),
            url: settings.shown(),
            database: settings.place.database.clone().unwrap_or(user.clone()),
            tables: settings.names.sessions().replace('"', ""),
            several: settings.place.hosts.len() > 1,
            user,
        }
    }

    fn fault(&self, kind: StoreErrorKind, hope: Hope, problem: &str) -> Fault {
        let message = format!("{}: {problem}", self.place);
        Fault(Arc::new(Inner {
            kind,
            hope,
            message,
        }))
    }

    /// The server did not answer in time.
    pub(super) fn timed_out(&self, what: &str) -> Fault {
        let problem = format!("no answer in time ({what}); look at the server's load and locks");
        self.fault(StoreErrorKind::TimedOut, Hope::None, &problem)
    }

    /// The runtime that the connections live on has ended.
    pub(super) fn stopped(&self) -> Fault {
        let problem = "the runtime that the store was built on has ended";
        self.fault(StoreErrorKind::Unavailable, Hope::None, problem)
    }

    /// The server answered something that is not ours.
    pub(super) fn corrupt(&self, what: &str) -> Fault {
        let problem = format!("{what}; do other programs write to {}?", self.tables);
        self.fault(StoreErrorKind::Corrupt, Hope::None, &problem)
    }

    /// A write whose answer was lost, and that others have written over since, or not.
    pub(super) fn doubtful(&self) -> Fault {
        let problem = "the connection was lost during a write, which may or may not have happened";
        self.fault(StoreErrorKind::TimedOut, Hope::None, problem)
    }

    /// A rename onto a key that is taken.
    pub(super) fn taken(&self) -> Fault {
        let problem = "the key that the session is to be renamed to is taken, or on another route";
        self.fault(StoreErrorKind::Other, Hope::None, problem)
    }

    /// The tables are of another version than ours.
    pub(super) fn version(&self, found: i32, known: i32) -> Fault {
        let Self { tables, url, .. } = self;
        let problem = match found < known {
            true => format!(
                "the tables {tables} have version {found}, and this program needs {known}; run \
                 `sessionctl sql install --url {url}`"
            ),
            false => format!(
                "the tables {tables} have version {found}, which is newer than this program, \
                 which knows {known}; update the program (`sessionctl sql install --url {url}` \
                 made them)"
            ),
        };
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// No connection could be had.
    pub(super) fn connecting(&self, error: &Error) -> Fault {
        if error.as_db_error().is_some() || error.is_closed() {
            return self.failed(error).undone();
        }
        if let Some(error) = io_cause(error) {
            let advice = match error.kind() {
                _ if error
                    .get_ref()
                    .is_some_and(|inner| inner.is::<rustls::Error>()) =>
                {
                    return self.tls(&error.to_string());
                }
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    "is PostgreSQL running there? Look at store.url"
                }
                io::ErrorKind::PermissionDenied => {
                    "this process needs write permission on the socket"
                }
                _ => "look at the host in store.url",
            };
            let problem = format!("cannot connect: {error}; {advice}");
            return self.fault(StoreErrorKind::Unavailable, Hope::Soon, &problem);
        }
        let cause = error.source().map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        if cause.contains("TLS") {
            return self.tls(&cause);
        }
        let problem = format!("cannot log in: {cause}; look at store.url");
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    fn tls(&self, cause: &str) -> Fault {
        let problem = format!(
            "no TLS connection: {cause}; set store.sslrootcert to the certificate of the \
             server's authority and use the host name that its certificate has, or set \
             store.sslmode to disable if nobody can listen on the way"
        );
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// A statement failed.
    pub(super) fn failed(&self, error: &Error) -> Fault {
        match error.as_db_error() {
            Some(error) => self.refused(error),
            None if error.is_closed() || io_cause(error).is_some() => {
                let problem = "the connection was lost; look at the server's log";
                self.fault(StoreErrorKind::Unavailable, Hope::Unknown, problem)
            }
            // A parameter or a column, not what stands in it.
            None => self.fault(StoreErrorKind::Other, Hope::Alone, &error.to_string()),
        }
    }

    /// The server answered with an error. Its details may show rows, so they are left out.
    fn refused(&self, error: &DbError) -> Fault {
        let code = error.code();
        let class = code.code().get(..2).unwrap_or_default();
        let (kind, hope, problem) = match code.code() {
            "28P01" | "28000" => self.log_in(error),
            "3D000" => self.database(),
            "42P01" | "42703" | "3F000" => self.schema(),
            "42501" => self.permission(error),
            "25006" => self.read_only(),
            "53300" => self.connections(),
            "0A000" | "26000" => prepared(error),
            _ if is_rolled_back(code) => passing(error),
            _ if class == "57" || class == "08" => leaving(error),
            _ if class == "53" => full(error),
            _ => other(error),
        };
        self.fault(kind, hope, &problem)
    }

    fn log_in(&self, error: &DbError) -> Verdict {
        let problem = format!(
            "the server refused the log-in of user {} ({}); look at user and password in \
             store.url and at the server's pg_hba.conf",
            self.user,
            error.message()
        );
        (StoreErrorKind::Refused, Hope::None, problem)
    }

    fn database(&self) -> Verdict {
        let problem = format!(
            "there is no database {}; create it, or correct store.url",
            self.database
        );
        (StoreErrorKind::Refused, Hope::None, problem)
    }

    fn schema(&self) -> Verdict {
        let problem = format!(
            "there are no tables {}; run `sessionctl sql install --url {}`",
            self.tables, self.url
        );
        (StoreErrorKind::Refused, Hope::None, problem)
    }

    fn permission(&self, error: &DbError) -> Verdict {
        let problem = format!(
            "{}; as the owner, GRANT USAGE on the schema and SELECT, INSERT, UPDATE, DELETE on \
             {} and the tables beside it to {}",
            error.message(),
            self.tables,
            self.user
        );
        (StoreErrorKind::Refused, Hope::None, problem)
    }

    fn read_only(&self) -> Verdict {
        let problem = "the server is read-only, a standby perhaps; point store.url at the \
                       primary, or name all servers in it"
            .to_owned();
        // Another of the servers may have taken its place.
        let hope = match self.several {
            true => Hope::Elsewhere,
            false => Hope::NotHere,
        };
        (StoreErrorKind::Refused, hope, problem)
    }

    fn connections(&self) -> Verdict {
        let problem = "the server has no connection left; raise max_connections there, or lower \
                       store.pool here"
            .to_owned();
        (StoreErrorKind::Unavailable, Hope::Soon, problem)
    }
}

type Verdict = (StoreErrorKind, Hope, String);

/// Serialization failures, deadlocks and locks that were not to be had.
fn is_rolled_back(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
    ]
    .contains(code)
}

fn passing(error: &DbError) -> Verdict {
    let problem = format!(
        "{}; somebody else holds the row, look at pg_stat_activity",
        error.message()
    );
    (StoreErrorKind::TimedOut, Hope::Contended, problem)
}

/// The tables were changed under a prepared statement, or something between us and the server
/// gives our connection to others.
fn prepared(error: &DbError) -> Verdict {
    let problem = format!(
        "{}; if there is a pooler before the server, let it pool sessions, not transactions",
        error.message()
    );
    (StoreErrorKind::Other, Hope::Elsewhere, problem)
}

/// The server is starting, stopping or has thrown us out.
fn leaving(error: &DbError) -> Verdict {
    let problem = format!("{}; look at the server's log", error.message());
    (StoreErrorKind::Unavailable, Hope::Unknown, problem)
}

fn full(error: &DbError) -> Verdict {
    let problem = format!("{}; make room on the server", error.message());
    (StoreErrorKind::Full, Hope::None, problem)
}

fn other(error: &DbError) -> Verdict {
    let problem = format!("{} (SQLSTATE {})", error.message(), error.code().code());
    (StoreErrorKind::Other, Hope::Alone, problem)
}

fn io_cause(error: &Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

impl Fault {
    /// Whether another attempt a moment later may well succeed.
    pub(super) fn is_passing(&self) -> bool {
        let hope = self.0.hope;
        matches!(
            hope,
            Hope::Contended | Hope::Soon | Hope::Elsewhere | Hope::Unknown
        )
    }

    /// Whether the connection it happened on is to be closed.
    pub(super) fn ends_the_connection(&self) -> bool {
        let hope = self.0.hope;
        matches!(hope, Hope::NotHere | Hope::Elsewhere | Hope::Unknown)
    }

    /// Whether it was the fault of some of the rows of a statement, not of all.
    pub(super) fn is_of_a_row(&self) -> bool {
        matches!(self.0.hope, Hope::Alone | Hope::Contended)
    }

    /// Whether what was asked may have been done.
    pub(super) fn is_uncertain(&self) -> bool {
        self.0.hope == Hope::Unknown
    }

    /// The same, of something that had not begun.
    fn undone(self) -> Self {
        match self.0.hope {
            Hope::Unknown | Hope::Contended => Self(Arc::new(Inner {
                kind: self.0.kind,
                hope: Hope::Soon,
                message: self.0.message.clone(),
            })),
            Hope::None | Hope::NotHere | Hope::Elsewhere | Hope::Soon | Hope::Alone => self,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.0.kind, NAME, fault.0.message.clone())
    }
}
