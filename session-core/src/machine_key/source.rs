//! The places that key rings come from.

use std::ffi::OsString;
use std::path::PathBuf;

use super::aspnet;
use super::error::{KeyRingError, KeyRingErrorKind};
use super::key::MachineKey;
use super::ring::Ring;

/// One or several key tokens.
const TOKENS: &str = "SESSION_MACHINE_KEY";
/// The path of a ring file.
const FILE: &str = "SESSION_MACHINE_KEY_FILE";
/// The directory in which systemd puts a service's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The credential that holds a ring file.
const CREDENTIAL: &str = "machine-key";

/// What the environment names as the source of the ring.
#[derive(PartialEq, Eq)]
pub(super) enum EnvironmentSource {
    Tokens(String),
    File(PathBuf),
}

/// Finds the one source that the environment names. `variable` reads a variable.
pub(super) fn from_environment(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<EnvironmentSource, KeyRingError> {
    let tokens = variable(TOKENS).map(tokens_of).transpose()?;
    let file = variable(FILE).map(file_of).transpose()?;
    let credential = variable(CREDENTIALS).and_then(credential_of);
    let named: Vec<&str> = [
        tokens.as_ref().map(|_| TOKENS),
        file.as_ref().map(|_| FILE),
        credential
            .as_ref()
            .map(|_| "$CREDENTIALS_DIRECTORY/machine-key"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if named.len() > 1 {
        return Err(ambiguous(&named));
    }
    tokens.or(file).or(credential).ok_or_else(not_configured)
}

fn tokens_of(value: OsString) -> Result<EnvironmentSource, KeyRingError> {
    match value.into_string() {
        Ok(text) if !text.trim().is_empty() => Ok(EnvironmentSource::Tokens(text)),
        Ok(_) => Err(empty(TOKENS)),
        Err(_) => Err(KeyRingError::new(
            KeyRingErrorKind::Malformed,
            format!("{TOKENS} is not text; set it to a key token, sk1_…"),
        )),
    }
}

fn file_of(value: OsString) -> Result<EnvironmentSource, KeyRingError> {
    match value.is_empty() {
        true => Err(empty(FILE)),
        false => Ok(EnvironmentSource::File(value.into())),
    }
}

/// A service may have other credentials and not this one. Whatever else is wrong with the file
/// is said when it is opened.
fn credential_of(directory: OsString) -> Option<EnvironmentSource> {
    let path = PathBuf::from(directory).join(CREDENTIAL);
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        _ => Some(EnvironmentSource::File(path)),
    }
}

/// The ring of key tokens: the first seals, the others only open.
pub(super) fn ring_of_tokens<'a>(
    tokens: impl Iterator<Item = &'a str>,
) -> Result<Ring, KeyRingError> {
    let mut keys = Vec::new();
    for (position, token) in tokens.enumerate() {
        let key = MachineKey::parse(token.trim_ascii());
        keys.push(key.map_err(|error| error.within(format_args!("key token {}", position + 1)))?);
    }
    let mut keys = keys.into_iter();
    let sealing = keys.next().ok_or_else(|| {
        KeyRingError::new(
            KeyRingErrorKind::NotConfigured,
            "there is no key token; give at least one, made with `sessionctl key new`",
        )
    })?;
    Ring::undated(sealing, keys.collect())
}

/// The ring of key tokens separated by commas.
pub(super) fn ring_of_variable(value: &str) -> Result<Ring, KeyRingError> {
    ring_of_tokens(value.split(',')).map_err(|error| error.within(TOKENS))
}

/// The ring of an ASP.NET pair.
pub(super) fn ring_of_pair(validation: &str, decryption: &str) -> Result<Ring, KeyRingError> {
    Ring::undated(aspnet::ring_key(validation, decryption)?, Vec::new())
}

fn empty(name: &str) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Malformed,
        format!("{name} is set and empty; give it a value, or unset it"),
    )
}

fn ambiguous(named: &[&str]) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Ambiguous,
        format!("{} are both set; keep one of them", named.join(" and ")),
    )
}

fn not_configured() -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::NotConfigured,
        format!(
            "no machine key is configured: set {FILE} to the path of a key ring, or {TOKENS} to a \
             key token made with `sessionctl key new`, or put the ring where {CREDENTIALS} has it, \
             as {CREDENTIAL}"
        ),
    )
}

#[cfg(test)]
mod tests;
