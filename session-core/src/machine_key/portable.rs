//! Reading a ring file where files have no Unix owner and mode: neither is checked.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::file::LARGEST;

/// What stands at the path of a ring.
pub(super) enum Found {
    /// A readable file.
    Ring(Zeroizing<Vec<u8>>),
    /// Nothing at all. The path is where a ring would be created.
    Absent(PathBuf),
}

/// Reads the ring file at `path`.
pub(super) fn read(path: &Path, _world_readable: bool) -> Result<Found, KeyRingError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && is_absent(path) => {
            return Ok(Found::Absent(path.to_owned()));
        }
        Err(error) => return Err(io_error(path, error)),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize + 1));
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io_error(path, error))?;
    match bytes.len() as u64 > LARGEST {
        true => Err(io_error(path, ErrorKind::FileTooLarge.into())),
        false => Ok(Found::Ring(bytes)),
    }
}

/// Where the file is that a change of the ring at `path` must replace, with its links followed.
pub(super) fn target(path: &Path) -> Result<PathBuf, KeyRingError> {
    path.canonicalize().map_err(|error| io_error(path, error))
}

/// Not even a dangling link, in a directory that exists.
fn is_absent(path: &Path) -> bool {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    path.symlink_metadata().is_err() && directory.is_none_or(Path::is_dir)
}

/// A file as errors name it.
pub(super) fn describe(path: &Path) -> String {
    format!("the key ring {}", path.display())
}

/// A failure of the operating system at `path`.
pub(super) fn io_error(path: &Path, error: io::Error) -> KeyRingError {
    let kind = match error.kind() {
        ErrorKind::NotFound => KeyRingErrorKind::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => KeyRingErrorKind::Permission,
        _ => KeyRingErrorKind::Io,
    };
    let shown: &dyn fmt::Display = &path.display();
    let message =
        format!("the key ring {shown} cannot be used: {error}; correct that, or the path");
    KeyRingError::new(kind, message).with_source(error)
}
