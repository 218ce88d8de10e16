//! [`KeyRing`]: the live handle on a source of keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::file;
use super::open::{self, Found};
use super::options::KeyRingOptions;
use super::ring::Ring;
use crate::clock::{Clock, Timestamp};

/// The key ring of this process: cheap to clone, and the same for all clones.
///
/// A key is never made silently. Every constructor but [`KeyRing::ephemeral`] and
/// [`KeyRing::open_or_create`] fails where there is no key, and a ring that exists and cannot be
/// read is never taken for one that does not exist.
#[derive(Clone)]
pub struct KeyRing {
    shared: Arc<Shared>,
}

struct Shared {
    current: ArcSwap<Ring>,
    generation: AtomicU64,
    source: Source,
    clock: Arc<dyn Clock>,
    refreshing: Mutex<()>,
}

/// Where a ring came from, and whether it can change.
pub(super) enum Source {
    File { path: PathBuf, world_readable: bool },
    Fixed,
    Ephemeral,
}

impl KeyRing {
    /// Opens the ring file at `path`. Never creates one, and needs no lock, so that it works on
    /// a read-only file system.
    ///
    /// # Errors
    ///
    /// The file is absent, unreadable, not trustworthy (owner, mode, symbolic links), cut short,
    /// edited, breaks a rule, or has a weak key. The error says which, and what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyRingError> {
        KeyRingOptions::new().open(path)
    }

    /// Opens the ring file at `path`, or creates it if nothing is there.
    ///
    /// Of many processes that start at once one creates the ring and the others open it. The
    /// directory must exist and be writable.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::open`]; a file that is there and cannot be used never leads to a new key.
    /// Also when the ring cannot be written, or another process holds the lock for too long.
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, KeyRingError> {
        KeyRingOptions::new().open_or_create(path)
    }

    /// The ring that the environment names: `SESSION_MACHINE_KEY` (one or several key tokens
    /// separated by commas: the first seals, the others only open), `SESSION_MACHINE_KEY_FILE`
    /// (the path of a ring file), or the file `machine-key` in systemd's
    /// `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    ///
    /// None of them is set, or more than one is, or what is set is no usable ring.
    pub fn from_env() -> Result<Self, KeyRingError> {
        KeyRingOptions::new().open_env()
    }

    /// The ring of key tokens in the configuration: the first seals, the others only open.
    ///
    /// # Errors
    ///
    /// There is no token, one is malformed or weak, or one is there twice.
    pub fn from_tokens<I>(tokens: I) -> Result<Self, KeyRingError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        KeyRingOptions::new().open_tokens(tokens)
    }

    /// The ring of an ASP.NET application's `validationKey` and `decryptionKey`, in hexadecimal
    /// digits of either case: every node with the same pair has the same ring.
    ///
    /// # Errors
    ///
    /// One of them is not hexadecimal, too short (32 bytes for the validation key, 24 for the
    /// decryption key), guessable, or a sample that is published in an article or a manual.
    pub fn from_aspnet(validation_key: &str, decryption_key: &str) -> Result<Self, KeyRingError> {
        KeyRingOptions::new().open_aspnet(validation_key, decryption_key)
    }

    /// A ring that nobody else has and that ends with this process. Sessions do not survive a
    /// restart, and stores that other processes can see refuse it.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn ephemeral() -> Result<Self, KeyRingError> {
        KeyRingOptions::new().ephemeral()
    }

    /// The ring of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Ring> {
        self.shared.current.load_full()
    }

    /// A number that grows whenever a refresh changed the ring.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Whether this ring ends with the process.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.shared.source, Source::Ephemeral)
    }

    /// The ring's source, as a person would name it.
    pub(crate) fn source(&self) -> String {
        match &self.shared.source {
            Source::File { path, .. } => path.display().to_string(),
            Source::Fixed => "keys of the environment or the configuration".to_owned(),
            Source::Ephemeral => "an ephemeral ring".to_owned(),
        }
    }

    /// Reads the ring file again, following its symbolic links anew. Gives whether the ring
    /// changed; a ring that did not come from a file never does. Blocks on the file system.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::open`], or the file's epoch is lower than that of the ring in use. The ring
    /// in use stays as it was.
    pub fn refresh(&self) -> Result<bool, KeyRingError> {
        let Source::File {
            path,
            world_readable,
        } = &self.shared.source
        else {
            return Ok(false);
        };
        let _one_at_a_time = self.shared.refreshing.lock();
        let ring = load(path, *world_readable, self.shared.clock.now())?;
        let current = self.snapshot();
        if ring.epoch() < current.epoch() {
            return Err(outdated(path, &ring, &current));
        }
        if ring.digest() == current.digest() {
            return Ok(false);
        }
        self.shared.current.store(Arc::new(ring));
        self.shared.generation.fetch_add(1, Ordering::Release);
        Ok(true)
    }

    pub(super) fn of(ring: Ring, clock: Arc<dyn Clock>, source: Source) -> Self {
        Self {
            shared: Arc::new(Shared {
                current: ArcSwap::from_pointee(ring),
                generation: AtomicU64::new(0),
                source,
                clock,
                refreshing: Mutex::new(()),
            }),
        }
    }

    pub(super) fn origin(&self) -> &Source {
        &self.shared.source
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("ring", &self.snapshot())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

pub(super) fn load(
    path: &Path,
    world_readable: bool,
    now: Timestamp,
) -> Result<Ring, KeyRingError> {
    match open::read(path, world_readable)? {
        Found::Ring(bytes) => admitted(path, &bytes, now),
        Found::Absent(target) => Err(absent(&target)),
    }
}

/// The ring in the bytes of a file, if it can be used at `now`.
pub(super) fn admitted(path: &Path, bytes: &[u8], now: Timestamp) -> Result<Ring, KeyRingError> {
    let within = |error: KeyRingError| error.within(open::describe(path));
    let ring = file::parse(bytes).map_err(within)?;
    ring.admit(now).map_err(within)?;
    Ok(ring)
}

fn absent(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::NotFound,
        format!(
            "{} does not exist; copy the farm's ring there, or let the first instance create it \
             (machine_key.create = true, or KeyRing::open_or_create)",
            open::describe(path)
        ),
    )
}

pub(super) fn outdated(path: &Path, ring: &Ring, current: &Ring) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Outdated,
        format!(
            "the key ring {} has epoch {}, and this process already uses epoch {}; \
             restore the newer file",
            path.display(),
            ring.epoch(),
            current.epoch()
        ),
    )
}

#[cfg(test)]
mod tests;
