//! The thread that writes.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use session_core::Timestamp;

use super::change::Batch;
use super::disk::Disk;
use super::error::PersistError;
use super::folder::Folder;
use super::journal::Journal;

/// The writer of a server, and what it is told to write. Without it nothing is written; when it
/// is dropped, the writer ends after its work.
pub(crate) struct Writer {
    journal: Arc<Journal>,
    thread: Mutex<Option<JoinHandle<Result<(), PersistError>>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        disk: Disk,
        folder: Folder,
        journal: Journal,
    ) -> Result<Self, PersistError> {
        let journal = Arc::new(journal);
        let file = folder.file();
        let work = Work {
            disk,
            folder,
            journal: Arc::clone(&journal),
            swept: Timestamp::from_millis(0),
        };
        let thread = thread::Builder::new().name("session-disk".into());
        let thread = thread.spawn(move || work.run());
        let thread = thread.map_err(|error| PersistError::io("write", &file, error))?;
        Ok(Self {
            journal,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Waits until everything is written and the thread has ended.
    pub(super) fn close(&self) -> Result<(), PersistError> {
        self.journal.close();
        let Some(thread) = self.thread.lock().take() else {
            return Ok(());
        };
        let ended = thread.join();
        ended.unwrap_or_else(|_| Err(PersistError::new("the writer has ended early")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.journal.close();
    }
}

/// What the thread has.
struct Work {
    disk: Disk,
    folder: Folder,
    journal: Arc<Journal>,
    /// When expired tombstones were removed last.
    swept: Timestamp,
}

impl Work {
    /// How long expired tombstones may lie about, in milliseconds.
    const SWEEP_MILLIS: i64 = 1_000;

    fn run(mut self) -> Result<(), PersistError> {
        // Nobody waits for ever, whatever happens here.
        let journal = Arc::clone(&self.journal);
        let _ending = Ending(&journal);
        while let Some(batch) = journal.take() {
            self.write(&batch)?;
            journal.commit();
            self.sweep();
        }
        let closed = self.disk.connection.close();
        closed.map_err(|(_, error)| PersistError::disk("close", &self.folder.file(), error))
    }

    /// Writes a batch, again and again until it is written or the server stops.
    fn write(&mut self, batch: &Batch) -> Result<(), PersistError> {
        let mut has_failed = false;
        while let Err(error) = self.disk.write(batch, self.epoch()) {
            if !has_failed {
                let file = self.folder.file();
                tracing::error!(%error, "cannot write {}; writes are refused", file.display());
            }
            has_failed = true;
            if !self.journal.fail() {
                let file = self.folder.file();
                return Err(PersistError::disk("write", &file, error));
            }
        }
        if has_failed {
            tracing::info!("writing succeeds again");
        }
        Ok(())
    }

    /// The wall-clock time at which ticks were zero, by the wall clock as it is now: what the
    /// file says is for a later process, which knows no other clock.
    fn epoch(&self) -> Timestamp {
        let clock = self.journal.clock();
        clock.now().saturating_sub(clock.monotonic())
    }

    fn sweep(&mut self) {
        let now = self.journal.clock().now();
        if now.as_millis() - self.swept.as_millis() < Self::SWEEP_MILLIS {
            return;
        }
        self.swept = now;
        if let Err(error) = self.disk.forget(now) {
            tracing::warn!(%error, "cannot remove expired tombstones");
        }
    }
}

/// Tells everybody when the writer has ended.
struct Ending<'j>(&'j Journal);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
