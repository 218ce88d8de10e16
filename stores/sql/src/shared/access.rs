//! How a server is reached: with or without TLS, and with the password of a file.

use std::path::Path;

use session_core::{ConfigError, StoreConfig};

use crate::shared::secret::Secret;

/// Whether what goes to the host stays on this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
}

/// Whether this `sslmode` encrypts.
///
/// Encryption to a server that is not verified stops nobody who can listen, so there is no mode
/// that does only that.
pub(crate) fn encrypt(config: &StoreConfig, mode: &str) -> Result<bool, ConfigError> {
    match mode {
        "disable" => Ok(false),
        "require" | "verify-full" => Ok(true),
        _ => {
            let fix = "write verify-full (require is the same here) or disable";
            Err(config.error("sslmode", "not a mode that this store has", fix))
        }
    }
}

/// The first line of a file.
pub(crate) fn password(config: &StoreConfig, path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let wrong = format!("cannot read {}: {error}", path.display());
        let fix = "name a file that this process may read";
        config.error("password_file", wrong, fix)
    })?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Secret::new(line.to_owned()))
}
