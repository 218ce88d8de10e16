//! Creating a ring file once, however many processes start at the same time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::{KeyRingError, KeyRingErrorKind};
use super::hex::Hex;
use super::open::{self, Found, io_error};
use crate::crypto;

const LOCK_RETRY: Duration = Duration::from_millis(10);

/// A ring file to be created.
pub(super) struct Creation<'a> {
    /// The path as configured, by which the ring is read back.
    pub(super) path: &'a Path,
    /// The same path with its links followed.
    pub(super) target: &'a Path,
    pub(super) world_readable: bool,
    pub(super) lock_timeout: Duration,
}

/// The bytes of the ring at the path after a creation.
pub(super) enum Created {
    /// This process made it.
    Ours(Zeroizing<Vec<u8>>),
    /// Another process was faster.
    Theirs(Zeroizing<Vec<u8>>),
}

impl Creation<'_> {
    /// Writes what `render` makes, unless a ring is there by the time the lock is held.
    pub(super) fn run(
        &self,
        render: impl FnOnce() -> Result<Zeroizing<String>, KeyRingError>,
    ) -> Result<Created, KeyRingError> {
        let _lock = lock(self.target, self.lock_timeout)?;
        if let Found::Ring(bytes) = open::read(self.path, self.world_readable)? {
            return Ok(Created::Theirs(bytes));
        }
        let text = render()?;
        let written = self.write(text.as_bytes());
        let won = written.map_err(|error| io_error(self.target, error))?;
        let bytes = self.read_back()?;
        match (won, bytes.as_slice() == text.as_bytes()) {
            (true, true) => Ok(Created::Ours(bytes)),
            (true, false) => Err(replaced(self.path)),
            (false, _) => Ok(Created::Theirs(bytes)),
        }
    }

    /// Whether this process put the ring there. The final name appears with all of its bytes or
    /// not at all.
    fn write(&self, bytes: &[u8]) -> io::Result<bool> {
        let temporary = Temporary::beside(self.target)?;
        write_new(&temporary.0, bytes)?;
        let won = match fs::hard_link(&temporary.0, self.target) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) if has_no_links(&error) => write_unless_there(self.target, bytes)?,
            Err(error) => return Err(error),
        };
        sync_directory(self.target)?;
        Ok(won)
    }

    fn read_back(&self) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
        match open::read(self.path, self.world_readable)? {
            Found::Ring(bytes) => Ok(bytes),
            Found::Absent(_) => Err(replaced(self.path)),
        }
    }
}

/// The ring at `path` is not what was just written there.
pub(super) fn replaced(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Io,
        format!(
            "the key ring {} was written and reads back differently; \
             find out what else writes there",
            path.display()
        ),
    )
}

/// Takes the lock of the ring at `target`. The lock file stays: removing it would let two
/// processes hold two locks of one name.
pub(super) fn lock(target: &Path, timeout: Duration) -> Result<File, KeyRingError> {
    let path = beside(target, "", ".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = private(&mut options)
        .open(&path)
        .map_err(|error| io_error(&path, error))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(io_error(&path, error)),
            Err(TryLockError::WouldBlock) if waited < timeout => {
                std::thread::sleep(LOCK_RETRY);
                waited += LOCK_RETRY;
            }
            Err(TryLockError::WouldBlock) => return Err(locked(&path)),
        }
    }
}

/// Removed when dropped, whatever happened meanwhile.
pub(super) struct Temporary(pub(super) PathBuf);

impl Temporary {
    /// A name beside `target` that nothing has.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
        let mut random = [0; 8];
        crypto::fill_random(&mut random).map_err(io::Error::other)?;
        let suffix = format!(".{}.tmp", Hex(&random));
        Ok(Self(beside(target, ".", &suffix)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn write_unless_there(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match write_new(path, bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = private(&mut options).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options.mode(0o600).custom_flags(flags)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What file systems without hard links answer.
#[cfg(unix)]
fn has_no_links(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::INVAL)
    )
}

#[cfg(not(unix))]
fn has_no_links(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported
}

/// A sibling of `path` whose name has something before and after.
fn beside(path: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = OsString::from(before);
    name.push(path.file_name().unwrap_or_default());
    name.push(after);
    path.with_file_name(name)
}

fn locked(path: &Path) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Locked,
        format!(
            "another process holds the lock {}; find out what it is waiting for",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Creation, Found, LOCK_RETRY, open, write_unless_there};

    #[test]
    fn without_links_an_existing_ring_is_not_overwritten_either() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring.toml");
        assert!(write_unless_there(&path, b"first").unwrap());
        assert!(!write_unless_there(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn c45_a_faster_writer_wins_even_without_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring.toml");
        let creation = Creation {
            path: &path,
            target: &path,
            world_readable: false,
            lock_timeout: LOCK_RETRY,
        };
        assert!(creation.write(b"first").unwrap());
        assert!(!creation.write(b"second").unwrap());
        assert!(matches!(open::read(&path, false), Ok(Found::Ring(ring)) if *ring == b"first"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
