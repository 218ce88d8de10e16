//! [`MachineKeyConfig`]: where the key ring comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::Problem;
use super::key::{Key, Set};
use crate::machine_key::{KeyRing, KeyRingError, KeyRingErrorKind, KeyRingOptions};

/// Where the key ring comes from: a file or keys that stand in the configuration. Neither, where
/// the ring comes from `SESSION_MACHINE_KEY` and its like.
#[derive(Clone, Default)]
pub struct MachineKeyConfig {
    ring: Option<PathBuf>,
    create: bool,
    insecure_world_readable: bool,
    keys: Option<Vec<Zeroizing<String>>>,
}

impl MachineKeyConfig {
    /// The ring's file; in a configuration `machine_key.ring`. A relative path begins at the
    /// process's working directory.
    #[must_use]
    pub fn ring(&self) -> Option<&Path> {
        self.ring.as_deref()
    }

    /// Whether a ring that does not exist is made; in a configuration `machine_key.create`.
    #[must_use]
    pub fn create(&self) -> bool {
        self.create
    }

    /// Whether a ring that everybody can read is opened; in a configuration
    /// `machine_key.insecure_world_readable`.
    #[must_use]
    pub fn insecure_world_readable(&self) -> bool {
        self.insecure_world_readable
    }

    /// The keys themselves, `sk1_` tokens of which the first seals and the others only open; in
    /// a configuration `machine_key.keys`. Not checked yet. Empty unless the ring is inline.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        let keys = self.keys.as_deref().unwrap_or_default();
        keys.iter().map(|key| key.as_str())
    }

    /// Opens the ring that is configured here, or the one that the environment names.
    ///
    /// # Errors
    /// There is no usable ring; the error says why and what to do. No key is made unless
    /// `machine_key.create` says so.
    pub fn open(&self) -> Result<KeyRing, KeyRingError> {
        let options = KeyRingOptions::new().insecure_world_readable(self.insecure_world_readable);
        match &self.ring {
            Some(path) if self.create => options.open_or_create(path),
            Some(path) => options.open(path),
            None if self.keys.is_some() => options
                .open_tokens(self.keys())
                .map_err(|error| error.within("machine_key.keys")),
            None => options.open_env().map_err(|error| match error.kind() {
                KeyRingErrorKind::NotConfigured => error.within("machine_key.ring is not set"),
                _ => error,
            }),
        }
    }

    pub(super) fn check(self) -> Result<Self, Vec<Problem>> {
        let problems = [self.check_ring(), self.check_keys(), self.check_file_only()];
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(problems)
        }
    }

    fn check_ring(&self) -> Option<Problem> {
        let empty = self.ring.as_ref()?.as_os_str().is_empty();
        let fix = "write the ring's path, or remove it";
        empty.then(|| Problem::new("machine_key.ring", "empty", fix).value("\"\"".to_owned()))
    }

    fn check_keys(&self) -> Option<Problem> {
        const KEY: &str = "machine_key.keys";
        let keys = self.keys.as_ref()?;
        if keys.is_empty() || keys.iter().any(|key| key.is_empty()) {
            let fix = "write at least one sk1_ token, or remove it";
            return Some(Problem::new(KEY, "an empty list or an empty key", fix));
        }
        let wrong = "given beside machine_key.ring";
        let fix = "remove one of the two: a ring comes from one place";
        self.ring.as_ref().map(|_| Problem::new(KEY, wrong, fix))
    }

    /// What only a ring's file can have.
    fn check_file_only(&self) -> Option<Problem> {
        let key = match (self.create, self.insecure_world_readable) {
            (true, _) => "machine_key.create",
            (false, true) => "machine_key.insecure_world_readable",
            (false, false) => return None,
        };
        let wrong = "given without machine_key.ring";
        let fix = "write ring = \"/path/of/machine-key.toml\", or remove it";
        let problem = Problem::new(key, wrong, fix).value("true".to_owned());
        self.ring.is_none().then_some(problem)
    }
}

/// The number of keys only.
impl fmt::Debug for MachineKeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineKeyConfig")
            .field("ring", &self.ring)
            .field("create", &self.create)
            .field("insecure_world_readable", &self.insecure_world_readable)
            .field("keys", &self.keys().len())
            .finish()
    }
}

/// Every setting of `[machine_key]`.
pub(super) const KEYS: &[Key<MachineKeyConfig>] = &[
    Key {
        name: "machine_key.ring",
        set: Set::Path(|config, ring| MachineKeyConfig {
            ring: Some(ring),
            ..config
        }),
    },
    Key {
        name: "machine_key.create",
        set: Set::Flag(|config, create| MachineKeyConfig { create, ..config }),
    },
    Key {
        name: "machine_key.insecure_world_readable",
        set: Set::Flag(|config, insecure_world_readable| MachineKeyConfig {
            insecure_world_readable,
            ..config
        }),
    },
    Key {
        name: "machine_key.keys",
        set: Set::Secrets(|config, keys| MachineKeyConfig {
            keys: Some(keys),
            ..config
        }),
    },
];
