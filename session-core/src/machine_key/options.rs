//! [`KeyRingOptions`]: how a key ring is opened, where the defaults do not fit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::create::{Created, Creation};
use super::dates::whole_seconds;
use super::error::{KeyRingError, KeyRingErrorKind};
use super::file;
use super::key::MachineKey;
use super::key_ring::{KeyRing, Source, admitted, load};
use super::open::{self, Found};
use super::ring::{Ring, RingKey, RingParts};
use super::schedule::Scheduled;
use super::source::{self, EnvironmentSource};
use crate::clock::{Clock, SystemClock};

/// How long anything sealed may have to open, in a ring that is created: 90 days.
const LONGEST_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long to wait for another process that creates the ring.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

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
            Found::Absent(target) => self.make(path, &target)?,
        };
        let ring = admitted(path, &bytes, self.clock.now())?;
        Ok(self.opened(path, ring, created))
    }

    /// Creates a ring file with one fresh key at `path`, where nothing may be yet. The directory
    /// must exist and be writable. The file is readable by this process's user alone.
    ///
    /// # Errors
    ///
    /// Something is there already ([`KeyRingErrorKind::AlreadyExists`]), or as
    /// [`KeyRingOptions::open_or_create`].
    pub fn create(self, path: impl AsRef<Path>) -> Result<KeyRing, KeyRingError> {
        let path = path.as_ref();
        let Found::Absent(target) = open::read(path, self.world_readable)? else {
            return Err(already_there(path));
        };
        let (bytes, created) = self.make(path, &target)?;
        if !created {
            return Err(already_there(path));
        }
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
                Ok(KeyRing::of(
                    source::ring_of_variable(&tokens)?,
                    self.clock,
                    Source::Fixed,
                ))
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
        Ok(KeyRing::of(ring, self.clock, Source::Fixed))
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
        Ok(KeyRing::of(ring, self.clock, Source::Fixed))
    }

    /// As [`KeyRing::ephemeral`].
    ///
    /// # Errors
    ///
    /// As [`KeyRing::ephemeral`].
    pub fn ephemeral(self) -> Result<KeyRing, KeyRingError> {
        let ring = Ring::undated(MachineKey::generate()?, Vec::new())?;
        Ok(KeyRing::of(ring, self.clock, Source::Ephemeral))
    }

    fn make(&self, path: &Path, target: &Path) -> Result<(Zeroizing<Vec<u8>>, bool), KeyRingError> {
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
        KeyRing::of(
            ring,
            self.clock,
            Source::File {
                path,
                world_readable,
            },
        )
    }

    /// A handle on a ring that never changes, and whose keys nobody judged.
    #[cfg(test)]
    pub(super) fn fixed(self, ring: Ring) -> KeyRing {
        KeyRing::of(ring, self.clock, Source::Fixed)
    }
}

fn already_there(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::AlreadyExists,
        format!(
            "{} is there already and was left alone; to change it, rotate it",
            open::describe(path)
        ),
    )
}
