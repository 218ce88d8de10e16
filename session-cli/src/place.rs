//! Where a store is: a configuration or a URL.

use std::path::{Path, PathBuf};

use clap::Args;
use session_core::{ConfigFile, KeyRing, KeyRingOptions, StoreConfig};

use crate::answer::Failure;

/// A store, by the application's configuration or by its URL.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The application's configuration; variables such as STORE__URL count as they do for it
    #[arg(long, value_name = "FILE", required_unless_present = "url")]
    pub(crate) config: Option<PathBuf>,
    /// The URL of the store; a password in it can be seen by other users of this machine
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    pub(crate) url: Option<String>,
}

impl Place {
    /// The configuration, if there is one.
    pub(crate) fn file(&self) -> Result<Option<ConfigFile>, Failure> {
        self.config.as_deref().map(load).transpose()
    }

    /// Which store it is.
    pub(crate) fn store(&self) -> Result<StoreConfig, Failure> {
        match (&self.url, self.file()?) {
            (Some(url), _) => Ok(StoreConfig::new(url)),
            (None, file) => Ok(file.map(|file| file.store).unwrap_or_default()),
        }
    }
}

/// The configuration at `path`.
pub(crate) fn load(path: &Path) -> Result<ConfigFile, Failure> {
    Ok(ConfigFile::load(path)?)
}

/// The ring that a configuration names. None is made, whatever the configuration says.
pub(crate) fn ring(file: &ConfigFile) -> Result<KeyRing, Failure> {
    let config = &file.machine_key;
    let options = KeyRingOptions::new().insecure_world_readable(config.insecure_world_readable());
    Ok(match config.ring() {
        Some(path) => options.open(path)?,
        None => config.open()?,
    })
}
