//! Replacing a ring file by a newer one: whoever reads it sees the old one or the new one.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::create::{Temporary, lock, sync_directory, write_new};
use super::error::{KeyRingError, KeyRingErrorKind};
use super::file::LARGEST;
use super::open::{self, Found, io_error};

/// How long to wait for another process that changes the ring.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Replaces the ring at `path` by what `change` makes of its bytes. Other processes that change it wait meanwhile. Owner and mode stay.
pub(super) fn replace(
    path: &Path,
    world_readable: bool,
    change: impl FnOnce(&[u8]) -> Result<Zeroizing<String>, KeyRingError>,
) -> Result<(), KeyRingError> {
    let target = open::target(path)?;
    let _lock = lock(&target, LOCK_TIMEOUT)?;
    let Found::Ring(old) = open::read(path, world_readable)? else {
        return Err(io_error(path, io::ErrorKind::NotFound.into()));
    };
    let new = change(&old)?;
    if new.len() as u64 > LARGEST {
        return Err(too_large(path));
    }
    put(&target, new.as_bytes()).map_err(|error| io_error(&target, error))
}

fn put(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary::beside(target)?;
    write_new(&temporary.0, bytes)?;
    keep_access(target, &temporary.0)?;
    fs::rename(&temporary.0, target)?;
    sync_directory(target)
}

/// Whoever could read the old file can read the new one, and nobody else.
#[cfg(unix)]
fn keep_access(old: &Path, new: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    let (from, to) = (old.metadata()?, new.metadata()?);
    if (from.uid(), from.gid()) != (to.uid(), to.gid()) {
        lchown(new, Some(from.uid()), Some(from.gid()))?;
    }
    fs::set_permissions(new, from.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

fn too_large(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Invalid,
        format!(
            "{} would be larger than the {LARGEST} bytes of the largest key ring; \
             start a new ring",
            open::describe(path)
        ),
    )
}
