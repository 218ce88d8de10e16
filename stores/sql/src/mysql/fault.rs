//! What can go wrong between us and the server, said so that an operator knows what to do.

use std::io;

use mysql_async::{DriverError, Error, IoError, ServerError};
use session_core::{StoreError, StoreErrorKind};

use super::NAME;
use super::settings::Settings;
use super::statements::quoted;

/// A failure.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    kind: StoreErrorKind,
    hope: Hope,
    message: String,
}

/// What another attempt can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    /// No better.
    None,
    /// No better, since the row to add was there; nothing was done.
    Duplicate,
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
}

type Verdict = (StoreErrorKind, Hope, String);

impl Target {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            place: settings.place.shown(),
            url: settings.shown(),
            user: settings.place.user.clone().unwrap_or_default(),
            database: settings.database().to_owned(),
            tables: format!("{}.{}", settings.database(), settings.table),
        }
    }

    fn fault(&self, (kind, hope, problem): Verdict) -> Fault {
        let message = format!("{}: {problem}", self.place);
        Fault {
            kind,
            hope,
            message,
        }
    }

    fn refuses(&self, problem: String) -> Fault {
        self.fault((StoreErrorKind::Refused, Hope::None, problem))
    }

    /// The server did not answer in time.
    pub(super) fn timed_out(&self, what: &str) -> Fault {
        let problem = format!("no answer in time ({what}); look at the server's load and locks");
        self.fault((StoreErrorKind::TimedOut, Hope::None, problem))
    }

    /// The runtime that the connections live on has ended.
    pub(super) fn stopped(&self) -> Fault {
        let problem = "the runtime that the store was built on has ended".to_owned();
        self.fault((StoreErrorKind::Unavailable, Hope::None, problem))
    }

    /// The server answered something that is not ours.
    pub(super) fn corrupt(&self, what: &str) -> Fault {
        let problem = format!("{what}; do other programs write to {}?", self.tables);
        self.fault((StoreErrorKind::Corrupt, Hope::None, problem))
    }

    /// A rename onto a key that is taken.
    pub(super) fn taken(&self) -> Fault {
        let problem = "the key that the session is to be renamed to is taken, or on another route";
        self.fault((StoreErrorKind::Other, Hope::None, problem.to_owned()))
    }

    /// The server would not take it.
    pub(super) fn too_large(&self) -> Fault {
        self.fault(too_large())
    }

    /// Writers were always in each other's way.
    pub(super) fn contended(&self) -> Fault {
        let problem = "others wrote to the session all the time".to_owned();
        self.fault((StoreErrorKind::TimedOut, Hope::None, problem))
    }

    /// The tables are of another version than ours.
    pub(super) fn version(&self, found: i64, known: i64) -> Fault {
        let Self { tables, url, .. } = self;
        self.refuses(match found < known {
            true => format!(
                "the tables {tables} have version {found}, and this program needs {known}; run \
                 `sessionctl sql install --url {url}`"
            ),
            false => format!(
                "the tables {tables} have version {found}, which is newer than this program, \
                 which knows {known}; update the program (`sessionctl sql install --url {url}` \
                 made them)"
            ),
        })
    }

    /// Sessions cannot be kept in memory alone.
    pub(super) fn no_memory_tables(&self) -> Fault {
        self.refuses(format!("{NO_MEMORY}; install them as permanent"))
    }

    /// Somebody else is at the tables.
    pub(super) fn installing(&self) -> Fault {
        let problem = "somebody else has been installing for a minute; try again".to_owned();
        self.fault((StoreErrorKind::TimedOut, Hope::None, problem))
    }

    /// The server answers before a commit is on its disk.
    pub(super) fn delayed_flush(&self, setting: i64) -> Fault {
        self.refuses(format!(
            "the server has innodb_flush_log_at_trx_commit = {setting}, so its crash can bring a \
             logout back; set it to 1 there, or store.accept_delayed_flush to true here if that \
             may be"
        ))
    }

    /// No connection could be had.
    pub(super) fn connecting(&self, error: &Error) -> Fault {
        match error {
            Error::Io(IoError::Tls(error)) => self.tls(&error.to_string()),
            Error::Io(IoError::Io(error)) => self.unreachable(error),
            Error::Driver(DriverError::NoClientSslFlagFromServer) => {
                self.tls("the server has none")
            }
            Error::Driver(DriverError::ConnectionClosed) | Error::Server(_) => {
                self.failed(error).undone()
            }
            Error::Driver(DriverError::UnknownAuthPlugin { name }) => self.refuses(format!(
                "user {} logs in with the plugin {name}, which this program does not have; \
                 use caching_sha2_password or mysql_native_password",
                self.user
            )),
            Error::Driver(DriverError::CleartextPluginDisabled) => self.refuses(format!(
                "the server wants the password of user {} in clear, which this program does not \
                 do; use caching_sha2_password or mysql_native_password",
                self.user
            )),
            _ => self.no_mysql(),
        }
    }

    /// Something else listens there.
    fn no_mysql(&self) -> Fault {
        let problem = "what answers does not speak the protocol of MySQL; look at the host and \
                       port in store.url";
        self.refuses(problem.to_owned())
    }

    fn unreachable(&self, error: &io::Error) -> Fault {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>())
        {
            return self.tls(&error.to_string());
        }
        let advice = match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::Other => return self.no_mysql(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                "is MySQL running there? Look at store.url"
            }
            io::ErrorKind::PermissionDenied => "this process needs write permission on the socket",
            _ => "look at the host in store.url",
        };
        let problem = format!("cannot connect: {error}; {advice}");
        self.fault((StoreErrorKind::Unavailable, Hope::Soon, problem))
    }

    fn tls(&self, cause: &str) -> Fault {
        self.refuses(format!(
            "no TLS connection: {cause}; set store.sslrootcert to the certificate of the \
             server's authority and use the host name that its certificate has, or set \
             store.sslmode to disable if nobody can listen on the way"
        ))
    }

    /// A statement failed.
    pub(super) fn failed(&self, error: &Error) -> Fault {
        self.fault(match error {
            Error::Server(error) => self.verdict(error),
            Error::Io(_) | Error::Driver(DriverError::ConnectionClosed) => {
                let problem = "the connection was lost; look at the server's log";
                (
                    StoreErrorKind::Unavailable,
                    Hope::Unknown,
                    problem.to_owned(),
                )
            }
            // Only these say no values.
            Error::Driver(DriverError::StmtParamsMismatch { .. } | DriverError::Params(_)) => {
                (StoreErrorKind::Other, Hope::None, error.to_string())
            }
            _ => {
                let problem = "the server's answer made no sense; is there a proxy on the way?";
                (StoreErrorKind::Other, Hope::Unknown, problem.to_owned())
            }
        })
    }

    /// The server answered with an error. Its message may show values, so only those are quoted
    /// that cannot.
    fn verdict(&self, error: &ServerError) -> Verdict {
        let refused = |problem| (StoreErrorKind::Refused, Hope::None, problem);
        match error.code {
            1045 | 1130 | 1251 | 1524 | 1698 => refused(self.log_in(error)),
            1049 => refused(format!(
                "there is no database {}; create it, or correct store.url",
                self.database
            )),
            1051 | 1054 | 1146 => refused(self.schema()),
            1044 | 1142 | 1143 | 1227 => refused(self.permission(error)),
            1036 | 1792 | 1874 => refused(read_only()),
            1290 if error.message.contains("read") => refused(read_only()),
            1062 => {
                let problem = "a row of that key is there".to_owned();
                (StoreErrorKind::Other, Hope::Duplicate, problem)
            }
            1040 | 1203 | 1226 => {
                let problem = "the server has no connection left; raise max_connections there, \
                               or lower store.pool here";
                (StoreErrorKind::Unavailable, Hope::Soon, problem.to_owned())
            }
            1129 => {
                let problem = "the server blocks this host; execute FLUSH HOSTS there";
                (StoreErrorKind::Refused, Hope::None, problem.to_owned())
            }
            1153 | 1162 | 1406 => too_large(),
            code => passing(code).unwrap_or_else(|| other(error)),
        }
    }

    fn log_in(&self, error: &ServerError) -> String {
        format!(
            "the server refused the log-in of user {} ({}); look at user and password in \
             store.url and at the user's host on the server",
            self.user, error.message
        )
    }

    fn schema(&self) -> String {
        format!(
            "there are no tables {}; run `sessionctl sql install --url {}`",
            self.tables, self.url
        )
    }

    /// The tables are there, but not the row that says their version.
    pub(super) fn no_tables(&self) -> Fault {
        self.refuses(self.schema())
    }

    fn permission(&self, error: &ServerError) -> String {
        format!(
            "{}; GRANT SELECT, INSERT, UPDATE, DELETE on {} and the tables beside it to {} \
             (CREATE, DROP and INDEX as well to install them)",
            error.message,
            quoted(&self.tables.replace('.', "`.`"), ""),
            self.user
        )
    }
}

/// Why sessions cannot be kept in memory alone.
pub(super) const NO_MEMORY: &str = "tables in MySQL's memory (ENGINE=MEMORY) have no BLOBs and \
    no transactions, and are locked as a whole by every write, so they cannot keep sessions";

fn read_only() -> String {
    "the server is read-only, a replica perhaps; point store.url at the primary".to_owned()
}

fn too_large() -> Verdict {
    let problem = "the record is larger than the server takes; raise max_allowed_packet there";
    (StoreErrorKind::TooLarge, Hope::None, problem.to_owned())
}

/// What is over in a moment, or on another connection.
fn passing(code: u16) -> Option<Verdict> {
    let (kind, hope, problem) = match code {
        // Deadlock, lock wait, a changed row, a cluster that is not ready.
        1205 | 1213 | 1020 | 3572 => (
            StoreErrorKind::TimedOut,
            Hope::Soon,
            "somebody else holds the row; look at SHOW ENGINE INNODB STATUS",
        ),
        // Interrupted, or over the time that this store or the server sets.
        1317 | 1969 | 3024 => (
            StoreErrorKind::TimedOut,
            Hope::Soon,
            "the server gave the statement up; look at its load and locks",
        ),
        1047 => (
            StoreErrorKind::Unavailable,
            Hope::Soon,
            "the server is not ready; look at its log and its cluster",
        ),
        1053 | 1077..=1080 | 1152 | 1158..=1161 | 1184 | 1927 | 3169 | 4031 => (
            StoreErrorKind::Unavailable,
            Hope::Unknown,
            "the server ended the connection; look at its log",
        ),
        1021 | 1037 | 1038 | 1041 | 1114 => (
            StoreErrorKind::Full,
            Hope::None,
            "the server is full; make room there",
        ),
        _ => return None,
    };
    Some((kind, hope, problem.to_owned()))
}

fn other(error: &ServerError) -> Verdict {
    let problem = format!(
        "the server failed with error {} (SQLSTATE {}); look at its log",
        error.code, error.state
    );
    (StoreErrorKind::Other, Hope::None, problem)
}

impl Fault {
    /// Whether another attempt a moment later may well succeed.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.hope, Hope::Soon | Hope::Unknown)
    }

    /// Whether what was asked may have been done.
    pub(super) fn is_uncertain(&self) -> bool {
        self.hope == Hope::Unknown
    }

    /// Whether the row that was to be added is there.
    pub(super) fn is_duplicate(&self) -> bool {
        self.hope == Hope::Duplicate
    }

    /// The same, of something that had not begun.
    fn undone(self) -> Self {
        let hope = match self.hope {
            Hope::Unknown => Hope::Soon,
            other => other,
        };
        Self { hope, ..self }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.kind, NAME, fault.message)
    }
}
