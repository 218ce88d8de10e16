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
    const SWEEP_MILLIS: u64 = 1_000;

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
        // The wall clock may be set back, too.
        if now.as_millis().abs_diff(self.swept.as_millis()) < Self::SWEEP_MILLIS {
            return;
        }
        match self.disk.forget(now) {
            // The rest goes after the next commits: sessions may end at any rate.
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => tracing::warn!(%error, "cannot remove expired tombstones"),
        }
        self.swept = now;
    }
}

/// Tells everybody when the writer has ended.
struct Ending<'j>(&'j Journal);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use session_core::testing::ManualClock;

    use super::*;
    use crate::server::persist::Durability;

    /// Sessions may end faster than a thousand a second, for any time.
    #[test]
    fn expired_tombstones_do_not_pile_up() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let disk = Disk::open(&folder).unwrap();
        let expired = "
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
            INSERT INTO tombstones SELECT CAST('s' || n AS BLOB), 'destroyed', n FROM n";
        disk.connection.execute_batch(expired).unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut work = Work {
            disk,
            folder,
            journal: Arc::new(Journal::new(Durability::Sync, clock)),
            swept: Timestamp::from_millis(0),
        };
        for left in [1_500, 500, 0] {
            work.sweep();
            let count = "SELECT count(*) FROM tombstones";
            let count = work.disk.connection.query_row(count, [], |row| row.get(0));
            assert_eq!(count, Ok(left));
        }
    }
}
