//! Keeping the sessions on a disk.
//!
//! Memory stays the place where everything is decided. What changes is noted in the journal
//! under the lock of its shard; one thread writes what has come together in one transaction of
//! SQLite, and connections hold an answer back until what it tells is on the disk. So the
//! requests of all connections share a commit, and nobody waits for a batch to fill.
//!
//! What is held back: with `sync` every answer about an item that has a change on its way, also
//! a reader's, so that nobody is ever told what a crash could undo. With `async` only answers
//! about items that were ended or renamed, answers with a cookie that was not reserved before,
//! and control rows; everything else is at most as far behind as [`Durability::Async`] says.
//! A listing of a principal's sessions is never held back. After a crash with `async` a revision
//! may be given a second time to another content; with `sync` nobody has seen the first.
//!
//! A touch is written when it has moved the expiry by a twentieth of the idle length, or by a
//! minute if that is less; so much sooner a session may end after a crash, never later. A clean
//! stop writes all of them. Cookies of leases are reserved in blocks, for each item: the file has
//! a counter that is not below any that was handed out, and a restart begins there.
//!
//! When the disk fails, what waits for it is answered 503, PUT and MOVE are refused with 503
//! before they change anything, and the writer tries again until it succeeds. Then memory and
//! disk agree again: a write that was answered 503 in between may have been done, as after any
//! broken connection. A DELETE in that time ends the session in memory and is answered 503.

mod change;
mod disk;
mod error;
mod folder;
mod gate;
mod journal;
mod load;
mod log;
mod row;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use session_core::{Clock, SystemClock};

use self::disk::Disk;
use self::folder::Folder;
use super::config::Limits;
use super::listen::Server;
use super::state::State;
use super::token::Tokens;

pub(crate) use self::change::Grave;
pub use self::error::PersistError;
pub(crate) use self::journal::{Journal, LifeChange};
pub(crate) use self::writer::Writer;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// After it is on the disk. The default: what was acknowledged survives a crash of the
    /// process and of the machine.
    #[default]
    Sync,
    /// At once, as long as no write is older than a second or all that are not on the disk are
    /// larger than 64 MiB together; then as [`Sync`](Self::Sync). They are written every 100
    /// milliseconds, so that is what a crash costs with a disk that keeps up. The end of a
    /// session is on the disk before it is acknowledged.
    Async,
}

/// Where the sessions are kept.
#[derive(Clone, Debug)]
pub struct Persistence {
    /// A directory that is the server's alone; made if it does not exist.
    pub folder: PathBuf,
    /// When a write is acknowledged.
    pub durability: Durability,
}

impl Server {
    /// A server that keeps its sessions on a disk, with those that are there.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be used or another server uses it, if the file in it is
    /// damaged or not ours, and if its sessions need more memory than the server may take.
    pub fn open(
        limits: Limits,
        tokens: Tokens,
        persistence: &Persistence,
    ) -> Result<Self, PersistError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let folder = Folder::open(&persistence.folder)?;
        let mut state = State::new(limits, tokens, Arc::clone(&clock));
        let disk = Disk::open(&folder)
            .and_then(|disk| load::load(disk, &folder, &state))
            .map_err(|fault| fault.explain(&folder, &state))?;
        let journal = Journal::new(persistence.durability, clock);
        let writer = Writer::start(disk, folder, journal)?;
        state.writer = Some(writer);
        Ok(Self::of(state))
    }

    /// Writes everything that is not on the disk yet, and ends writing. What is asked of the
    /// server afterwards is refused if it would have to be written. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub fn finish(&self) -> Result<(), PersistError> {
        let Some(writer) = &self.state().writer else {
            return Ok(());
        };
        self.state().keep_touches();
        writer.close()
    }
}
