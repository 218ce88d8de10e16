//! What can go wrong between us and the file, said so that an operator knows what to do.

use std::io;
use std::sync::Arc;

use rusqlite::{Error, ErrorCode};
use session_core::{StoreError, StoreErrorKind};

use super::NAME;
use super::settings::Settings;

/// A failure that many operations may share. Nothing was done.
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
    /// No better on this connection.
    None,
    /// Better for some of the writes of a transaction.
    Alone,
    /// Better in a moment: somebody else has the file locked.
    Soon,
}

/// The file as it is named in errors.
#[derive(Clone, Debug)]
pub(super) struct Target {
    file: String,
    url: String,
    tables: String,
}

impl Target {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            file: settings.file.display().to_string(),
            url: settings.shown(),
            tables: settings.names.table.clone(),
        }
    }

    fn fault(&self, kind: StoreErrorKind, hope: Hope, problem: &str) -> Fault {
        let message = format!("{}: {problem}", self.file);
        Fault(Arc::new(Inner {
            kind,
            hope,
            message,
        }))
    }

    /// It took too long.
    pub(super) fn timed_out(&self, what: &str) -> Fault {
        let problem = format!("no answer in time: {what}");
        self.fault(StoreErrorKind::TimedOut, Hope::None, &problem)
    }

    /// What would do the work has ended.
    pub(super) fn stopped(&self) -> Fault {
        let problem = "the store has been closed, or the runtime that it was built on has ended";
        self.fault(StoreErrorKind::Unavailable, Hope::None, problem)
    }

    /// The file has something that is not ours.
    pub(super) fn corrupt(&self, what: &str) -> Fault {
        let problem = format!("{what}; do other programs write to {}?", self.tables);
        self.fault(StoreErrorKind::Corrupt, Hope::Alone, &problem)
    }

    /// A rename onto a key that is taken.
    pub(super) fn taken(&self) -> Fault {
        let problem = "the key that the session is to be renamed to is taken, or on another route";
        self.fault(StoreErrorKind::Other, Hope::None, problem)
    }

    /// There is no file.
    pub(super) fn missing_file(&self) -> Fault {
        let problem = format!(
            "there is no such file; run `sessionctl sql install --url '{}'`, or set store.create \
             to true, or correct store.url",
            self.url
        );
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// The tables are not in the file.
    pub(super) fn missing_tables(&self) -> Fault {
        let problem = format!(
            "there are no tables {}; run `sessionctl sql install --url '{}'`, or set \
             store.create to true",
            self.tables, self.url
        );
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// The tables are of another version than ours.
    pub(super) fn version(&self, found: i64, known: i64) -> Fault {
        let Self { tables, url, .. } = self;
        let problem = match found < known {
            true => format!(
                "the tables {tables} have version {found}, and this program needs {known}; run \
                 `sessionctl sql install --url '{url}'`"
            ),
            false => format!(
                "the tables {tables} have version {found}, which is newer than this program, \
                 which knows {known}; update the program (`sessionctl sql install --url '{url}'` \
                 made them)"
            ),
        };
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// Tables that are lost together were asked for.
    pub(super) fn no_temporary(&self) -> Fault {
        let problem = "SQLite has no tables that a crash empties; install permanent ones, and \
                       set store.synchronous to normal where writes are to cost less";
        self.fault(StoreErrorKind::Unsupported, Hope::None, problem)
    }

    /// The file system does not do what is needed.
    pub(super) fn no_log(&self, mode: &str) -> Fault {
        let problem = format!(
            "the database stays in journal mode {mode} and must have a write-ahead log; is it on \
             a local file system, and does no other program have it open?"
        );
        self.fault(StoreErrorKind::Refused, Hope::None, &problem)
    }

    /// A file beside the database, or the database as a file, could not be used.
    pub(super) fn io(&self, what: &str, error: &io::Error) -> Fault {
        let (kind, advice) = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                (StoreErrorKind::Refused, PERMISSION)
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                (StoreErrorKind::Refused, "is the folder there?")
            }
            io::ErrorKind::StorageFull => (StoreErrorKind::Full, ROOM),
            _ => (StoreErrorKind::Unavailable, SYSTEM),
        };
        let problem = format!("cannot {what}: {error}; {advice}");
        self.fault(kind, Hope::None, &problem)
    }

    /// A statement failed.
    pub(super) fn failed(&self, error: &Error) -> Fault {
        use ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull,
            FileLockingProtocolFailed, NoLargeFileSupport, NotADatabase, OutOfMemory,
            PermissionDenied, ReadOnly, SchemaChanged, SystemIoFailure, TooBig,
        };
        use StoreErrorKind::{Corrupt, Full, Other, Refused, TimedOut, TooLarge, Unavailable};
        let Some(code) = error.sqlite_error_code() else {
            // A column of another type than it was declared with, say.
            return self.corrupt(&error.to_string());
        };
        let (kind, hope, advice) = match code {
            DatabaseBusy | DatabaseLocked => (TimedOut, Hope::Soon, BUSY),
            DiskFull => (Full, Hope::Alone, ROOM),
            TooBig => (TooLarge, Hope::Alone, "SQLite takes no row of this size"),
            ReadOnly | CannotOpen | PermissionDenied => (Refused, Hope::None, PERMISSION),
            DatabaseCorrupt | NotADatabase => (Corrupt, Hope::None, DAMAGED),
            SystemIoFailure | NoLargeFileSupport | OutOfMemory => (Unavailable, Hope::None, SYSTEM),
            FileLockingProtocolFailed => (Unavailable, Hope::None, LOCAL),
            SchemaChanged => (Other, Hope::Soon, "somebody changes the tables"),
            _ => return self.other(error),
        };
        let problem = format!("{error}; {advice}");
        self.fault(kind, hope, &problem)
    }

    fn other(&self, error: &Error) -> Fault {
        match error.to_string() {
            text if text.contains("no such table") => self.missing_tables(),
            text => self.fault(StoreErrorKind::Other, Hope::Alone, &text),
        }
    }
}

const BUSY: &str = "another program has locked the database; a transaction that somebody left \
                    open, or a backup that does not read the write-ahead log?";
const ROOM: &str = "make room on the disk, and look at quotas and limits of the file size";
const PERMISSION: &str = "this process needs permission to write to the file, to those beside \
                          it, and to its folder";
const DAMAGED: &str = "stop every program that uses it, then bring a good copy back, or move the \
                       file and its -wal and -shm away to begin without sessions";
const SYSTEM: &str = "look at the disk and at the log of the operating system";
const LOCAL: &str = "use a local file system";

impl Fault {
    /// Whether another attempt a moment later may well succeed.
    pub(super) fn is_passing(&self) -> bool {
        self.0.hope == Hope::Soon
    }

    /// Whether it was the fault of some of the writes of a transaction, not of all.
    pub(super) fn is_of_a_write(&self) -> bool {
        self.0.hope == Hope::Alone
    }

    /// Whether the connection is better closed.
    pub(super) fn is_of_the_connection(&self) -> bool {
        self.0.hope == Hope::None
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.0.kind, NAME, fault.0.message.clone())
    }
}
