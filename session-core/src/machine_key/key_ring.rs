//! [`KeyRing`]: the live handle on a source of keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::create::{Created, Creation};
use super::dates::whole_seconds;
use super::error::{KeyRingError, KeyRingErrorKind};
use super::file;
use super::key::MachineKey;
use super::open::{self, Found};
use super::ring::{Ring, RingKey, RingParts};
use super::schedule::Scheduled;
use super::source::{self, EnvironmentSource};
use crate::clock::{Clock, SystemClock, Timestamp};

/// How long anything sealed may have to open, in a ring that is created: 90 days.
const LONGEST_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long to wait for another process that creates the ring.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

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

enum Source {
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

/// How to open or create a [`KeyRing`], where the defaults do not fit.
#[derive(Clone, Debug)]
pub struct KeyRingOptions {
    world_readable: bool,
    longest_lifetime: Duration,
    lock_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Default for KeyRingOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyRingOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            world_readable: false,
            longest_lifetime: LONGEST_LIFETIME,
            lock_timeout: LOCK_TIMEOUT,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Accepts a ring file that everybody on the machine may read. Default: off. Whoever reads
    /// the ring can forge sessions, so this is for machines on which nobody else runs anything.
    /// A mounted secret volume does not need it.
    #[must_use]
    pub fn insecure_world_readable(mut self, allowed: bool) -> Self {
        self.world_readable = allowed;
        self
    }

    /// How long anything sealed may have to open, in a ring that is created. Default: 90 days.
    /// A retired key opens for that long, and an application whose absolute timeout is longer
    /// does not start. A fraction of a second is left out.
    #[must_use]
    pub fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// How long [`KeyRingOptions::open_or_create`] waits for another process that creates the
    /// same ring. Default: 10 seconds.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// The clock by which keys become active and retire. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// As [`KeyRing::open`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<KeyRing, KeyRingError> {
        let path = path.as_ref();
        let ring = load(path, self.world_readable, self.clock.now())?;
        Ok(self.opened(path, ring, false))
    }

    /// As [`KeyRing::open_or_create`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::open_or_create`], or the configured longest lifetime is under a second.
    pub fn open_or_create(self, path: impl AsRef<Path>) -> Result<KeyRing, KeyRingError> {
        let path = path.as_ref();
        let (bytes, created) = match open::read(path, self.world_readable)? {
            Found::Ring(bytes) => (bytes, false),
            Found::Absent(target) => self.create(path, &target)?,
        };
        let ring = admitted(path, &bytes, self.clock.now())?;
        Ok(self.opened(path, ring, created))
    }

    /// As [`KeyRing::from_env`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::from_env`].
    pub fn open_env(self) -> Result<KeyRing, KeyRingError> {
        match source::from_environment(|name| std::env::var_os(name))? {
            EnvironmentSource::File(path) => self.open(path),
            EnvironmentSource::Tokens(tokens) => {
                let tokens = Zeroizing::new(tokens);
                Ok(self.handle(source::ring_of_variable(&tokens)?, Source::Fixed))
            }
        }
    }

    /// As [`KeyRing::from_tokens`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::from_tokens`].
    pub fn open_tokens<I>(self, tokens: I) -> Result<KeyRing, KeyRingError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let ring = source::ring_of_tokens(tokens.iter().map(AsRef::as_ref))?;
        Ok(self.handle(ring, Source::Fixed))
    }

    /// As [`KeyRing::from_aspnet`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::from_aspnet`].
    pub fn open_aspnet(
        self,
        validation_key: &str,
        decryption_key: &str,
    ) -> Result<KeyRing, KeyRingError> {
        let ring = source::ring_of_pair(validation_key, decryption_key)?;
        Ok(self.handle(ring, Source::Fixed))
    }

    /// As [`KeyRing::ephemeral`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::ephemeral`].
    pub fn ephemeral(self) -> Result<KeyRing, KeyRingError> {
        let ring = Ring::undated(MachineKey::generate()?, Vec::new())?;
        Ok(self.handle(ring, Source::Ephemeral))
    }

    fn create(
        &self,
        path: &Path,
        target: &Path,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), KeyRingError> {
        let creation = Creation {
            path,
            target,
            world_readable: self.world_readable,
            lock_timeout: self.lock_timeout,
        };
        Ok(match creation.run(|| self.first_ring())? {
            Created::Ours(bytes) => (bytes, true),
            Created::Theirs(bytes) => (bytes, false),
        })
    }

    fn first_ring(&self) -> Result<Zeroizing<String>, KeyRingError> {
        if self.longest_lifetime < Duration::from_secs(1) {
            return Err(KeyRingError::new(
                KeyRingErrorKind::Invalid,
                "longest_lifetime is under a second; give it at least the absolute timeout",
            ));
        }
        let key = MachineKey::generate()?;
        let now = whole_seconds(self.clock.now());
        let first = Scheduled {
            kid: key.kid(),
            not_before: now,
            open_until: None,
            key: RingKey { key, created: now },
        };
        Ok(file::render(&RingParts {
            epoch: 1,
            longest_lifetime: self.longest_lifetime,
            keys: vec![first],
            revoked: Vec::new(),
        }))
    }

    fn opened(self, path: &Path, ring: Ring, created: bool) -> KeyRing {
        let kid = ring.sealing_kid(self.clock.now());
        let path = path.to_owned();
        match created {
            true => tracing::info!(path = %path.display(), %kid, "created a machine key ring"),
            false => tracing::info!(path = %path.display(), %kid, "opened the machine key ring"),
        }
        let world_readable = self.world_readable;
        self.handle(
            ring,
            Source::File {
                path,
                world_readable,
            },
        )
    }

    /// A handle on a ring that never changes, and whose keys nobody judged.
    #[cfg(test)]
    pub(super) fn fixed(self, ring: Ring) -> KeyRing {
        self.handle(ring, Source::Fixed)
    }

    fn handle(self, ring: Ring, source: Source) -> KeyRing {
        KeyRing {
            shared: Arc::new(Shared {
                current: ArcSwap::from_pointee(ring),
                generation: AtomicU64::new(0),
                source,
                clock: self.clock,
                refreshing: Mutex::new(()),
            }),
        }
    }
}

fn load(path: &Path, world_readable: bool, now: Timestamp) -> Result<Ring, KeyRingError> {
    match open::read(path, world_readable)? {
        Found::Ring(bytes) => admitted(path, &bytes, now),
        Found::Absent(target) => Err(absent(&target)),
    }
}

fn admitted(path: &Path, bytes: &[u8], now: Timestamp) -> Result<Ring, KeyRingError> {
    let within = |error: KeyRingError| error.within(open::describe(path));
    let ring = file::parse(bytes).map_err(within)?;
    ring.admit(now).map_err(within)?;
    Ok(ring)
}

fn absent(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::NotFound,
        format!(
            "{} does not exist; copy the farm's ring there, or let the first instance create it",
            open::describe(path)
        ),
    )
}

fn outdated(path: &Path, ring: &Ring, current: &Ring) -> KeyRingError {
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
