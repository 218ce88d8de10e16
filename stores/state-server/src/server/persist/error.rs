//! Why sessions cannot be kept.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use super::folder::Folder;
use crate::server::state::State;

/// Why the sessions cannot be kept on a disk. Its text says what to do.
#[derive(Debug)]
pub struct PersistError {
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PersistError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: None,
        }
    }

    /// What was done with which file, and how it failed.
    pub(super) fn io(doing: &str, path: &Path, error: io::Error) -> Self {
        Self {
            text: format!("cannot {doing} {}: {error}", path.display()),
            source: Some(error.into()),
        }
    }

    pub(super) fn disk(doing: &str, path: &Path, error: rusqlite::Error) -> Self {
        Self {
            text: format!("cannot {doing} {}: {error}", path.display()),
            source: Some(error.into()),
        }
    }
}

impl fmt::Display for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for PersistError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// What is wrong with a file that was there.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not a file of ours, or not as we left it.
    Damaged(String),
    /// Its sessions need more memory than the server may take.
    TooLarge,
    /// It cannot be read or written.
    Unusable(PersistError),
    Disk(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<PersistError> for Fault {
    fn from(error: PersistError) -> Self {
        Self::Unusable(error)
    }
}

impl Fault {
    /// The error for whoever starts the server. Of a damaged file a copy is made.
    pub(super) fn explain(self, folder: &Folder, state: &State) -> PersistError {
        let file = folder.file();
        match self {
            Self::Damaged(what) => damaged(folder, state, &what),
            Self::Disk(error) if is_damage(&error) => damaged(folder, state, &error.to_string()),
            Self::Disk(error) => PersistError::disk("use", &file, error),
            Self::Unusable(error) => error,
            Self::TooLarge => PersistError::new(format!(
                "the sessions in {} need more memory than the {} bytes that the server may take; \
                 allow more with --max-memory",
                file.display(),
                state.limits.max_memory
            )),
        }
    }
}

/// Whether the file is to blame, not its surroundings.
fn is_damage(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory,
        PermissionDenied, ReadOnly, SystemIoFailure,
    };
    !matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | OutOfMemory
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

fn damaged(folder: &Folder, state: &State, what: &str) -> PersistError {
    let copied = match folder.copy_of_damaged(state.clock.now()) {
        Ok(copy) => format!("an untouched copy is in {}", copy.display()),
        Err(error) => format!("no copy could be made: {error}"),
    };
    PersistError::new(format!(
        "{} cannot be used: {what}; nothing was changed, and {copied}. Bring a good file back, \
         or move this one away to begin without sessions",
        folder.file().display()
    ))
}
