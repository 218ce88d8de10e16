//! Reading a ring file: what is absent, what is unreadable, and what cannot be trusted.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::file::LARGEST;
use super::location::{Location, locate};
use super::trust::{self, Stat};
pub(super) use super::trust::{describe, io_error};

/// How often a path is followed again because a mounted volume was being replaced meanwhile.
const ATTEMPTS: usize = 5;

/// What stands at the path of a ring.
pub(super) enum Found {
    /// A file whose owner and mode are in order.
    Ring(Zeroizing<Vec<u8>>),
    /// Nothing at all. The path is where a ring would be created.
    Absent(PathBuf),
}

/// Reads the ring file at `path`. Everything but a file that is there, or one that is plainly
/// not there, is an error.
pub(super) fn read(path: &Path, world_readable: bool) -> Result<Found, KeyRingError> {
    let mut replaced = Vec::new();
    for _ in 0..ATTEMPTS {
        match locate(path)? {
            Location::Absent(path) => return Ok(Found::Absent(path)),
            Location::Dangling(target) => replaced.push(target),
            Location::Present { path, projected } => match open_file(&path) {
                Ok(file) => return read_file(&path, file, world_readable || projected),
                Err(error) if error.kind() == ErrorKind::NotFound => replaced.push(path),
                Err(error) => return Err(io_error(&path, error)),
            },
        }
    }
    Err(dangling(
        path,
        replaced.last().map_or(path, PathBuf::as_path),
    ))
}

/// Where the file is that a change of the ring at `path` must replace, with its links followed.
pub(super) fn target(path: &Path) -> Result<PathBuf, KeyRingError> {
    match locate(path)? {
        Location::Present { path, .. } => Ok(path),
        Location::Absent(path) => Err(io_error(&path, ErrorKind::NotFound.into())),
        Location::Dangling(target) => Err(dangling(path, &target)),
    }
}

/// `O_NOFOLLOW` because the links were followed already, `O_NONBLOCK` because the path may name
/// a pipe.
fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn read_file(path: &Path, file: File, world_readable: bool) -> Result<Found, KeyRingError> {
    let failed = |error| io_error(path, error);
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(KeyRingError::new(
            KeyRingErrorKind::Untrusted,
            format!(
                "the key ring {} ({}) is not a regular file; correct the path",
                path.display(),
                Stat::of(&metadata)
            ),
        ));
    }
    trust::refuse_untrusted(path, &file, &metadata, world_readable)?;
    // Room for all of it at once, so that no copy of a secret stays behind in a smaller buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST as usize + 1));
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(KeyRingError::new(
            KeyRingErrorKind::Malformed,
            format!(
                "{} is larger than the {LARGEST} bytes of the largest key ring; correct the path",
                path.display()
            ),
        ));
    }
    Ok(Found::Ring(bytes))
}

fn dangling(path: &Path, target: &Path) -> KeyRingError {
    let stat = path.symlink_metadata().map_or_else(
        |_| String::new(),
        |metadata| format!(" ({})", Stat::of(&metadata)),
    );
    KeyRingError::new(
        KeyRingErrorKind::Untrusted,
        format!(
            "the key ring {}{stat} is a symbolic link to {}, which does not exist; \
             restore the target, or remove the link",
            path.display(),
            target.display()
        ),
    )
}
