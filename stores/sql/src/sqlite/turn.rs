//! [`Turnstile`]: processes on one file write in turn.
//!
//! SQLite's own lock is polled, by whoever waits for it, ever more slowly: a process that writes
//! back to back always gets it again before the others look.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Two lock files beside the database. A process waits for its turn while it holds the other
/// one, `next`; whoever has just had a turn comes behind it. The system frees the locks of a
/// process that dies. Should the files be removed, turns may be unfair for a while; SQLite's own
/// lock still keeps writers apart.
#[derive(Debug)]
pub(super) struct Turnstile {
    next: File,
    turn: File,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turnstile);

impl Turnstile {
    /// Opens the lock files of a database, which is there. Whoever may use the one may use the
    /// others.
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        Ok(Self {
            next: lock_file(database, "-next")?,
            turn: lock_file(database, "-turn")?,
        })
    }

    /// Waits for a turn, for as long as it takes.
    pub(super) fn enter(&self) -> io::Result<Turn<'_>> {
        lock(&self.next)?;
        let entered = lock(&self.turn);
        self.next.unlock()?;
        entered.map(|()| Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // There is nobody to tell; closing the file unlocks it as well.
        let _ = self.0.turn.unlock();
    }
}

/// Waits through signals.
fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            locked => return locked,
        }
    }
}

/// The path of a file beside the database.
fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn lock_file(database: &Path, suffix: &str) -> io::Result<File> {
    let path = beside(database, suffix);
    match OpenOptions::new().read(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        options.mode(std::fs::metadata(database)?.mode() & 0o666);
    }
    options.open(path)
}
