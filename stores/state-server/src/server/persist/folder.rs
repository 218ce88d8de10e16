//! The directory of the sessions.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use session_core::Timestamp;

use super::error::PersistError;

/// The directory, which is ours alone as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// The file of the sessions.
const FILE: &str = "sessions.db";
/// It, and what SQLite puts beside it.
const FILES: [&str; 3] = [FILE, "sessions.db-wal", "sessions.db-shm"];
/// Locked by the server that uses the directory, and has its process id in it.
const LOCK: &str = "lock";
/// What the name of a copy begins with.
const COPY: &str = "corrupt-";

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, PersistError> {
        let mut make = DirBuilder::new();
        let made = make.recursive(true).mode(0o700).create(path);
        made.map_err(|error| PersistError::io("make the directory", path, error))?;
        warn_if_open_to_others(path);
        Ok(Self {
            path: path.to_owned(),
            _lock: lock(path)?,
        })
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// The log that SQLite keeps of what is not in the file yet.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join(FILES[1])
    }

    /// Whether one of the files is there.
    pub(super) fn has_files(&self) -> io::Result<bool> {
        let mut any = false;
        for name in FILES {
            any |= self.path.join(name).try_exists()?;
        }
        Ok(any)
    }

    /// An empty file that only we may read, under a name of its own. What an interrupted start
    /// left of it goes.
    pub(super) fn make_draft(&self) -> io::Result<PathBuf> {
        let draft = self.path.join("sessions.db.new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        private().create_new(true).open(&draft)?;
        Ok(draft)
    }

    /// Gives the draft its name, so that it is there as a whole or not at all.
    pub(super) fn publish(&self, draft: &Path) -> io::Result<()> {
        File::open(draft)?.sync_all()?;
        fs::rename(draft, self.file())?;
        File::open(&self.path)?.sync_all()
    }

    /// Copies the files as they are. If that was done before, there is no second copy: a server
    /// that is started again and again must not fill the disk.
    pub(super) fn copy_of_damaged(&self, now: Timestamp) -> io::Result<PathBuf> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_copy = entry.file_name().to_string_lossy().starts_with(COPY);
            if is_copy && self.is_copied_to(&entry.path())? {
                return Ok(entry.path());
            }
        }
        let copy = self.path.join(format!("{COPY}{}", written(now)));
        DirBuilder::new().mode(0o700).create(&copy)?;
        for name in FILES {
            if self.path.join(name).try_exists()? {
                fs::copy(self.path.join(name), copy.join(name))?;
                File::open(copy.join(name))?.sync_all()?;
            }
        }
        Ok(copy)
    }

    fn is_copied_to(&self, copy: &Path) -> io::Result<bool> {
        for name in FILES {
            if !are_equal(&self.path.join(name), &copy.join(name))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    options
}

fn lock(folder: &Path) -> Result<File, PersistError> {
    let path = folder.join(LOCK);
    let failed = |error| PersistError::io("use", &path, error);
    let file = private().create(true).truncate(false).open(&path);
    let mut file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(folder, file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let process = std::process::id();
    let noted = file.set_len(0).and_then(|()| writeln!(file, "{process}"));
    noted.map_err(failed)?;
    Ok(file)
}

fn in_use(folder: &Path, lock: File) -> PersistError {
    let mut holder = String::new();
    // The number only helps; without it the sentence is as true.
    let _ = lock.take(32).read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => String::new(),
        number => format!(", process {number}"),
    };
    PersistError::new(format!(
        "{} is in use by another session-state-server{holder}; each server needs a directory of \
         its own",
        folder.display()
    ))
}

fn warn_if_open_to_others(path: &Path) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        let (path, mode) = (path.display(), mode & 0o777);
        tracing::warn!("{path} is open to others (mode {mode:o}); it should be 700");
    }
}

/// A time as part of a file name.
fn written(time: Timestamp) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(0);
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    humantime::format_rfc3339_seconds(time)
        .to_string()
        .replace(':', "-")
}

/// Whether two files have the same bytes, or neither is there.
fn are_equal(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = match (present(left)?, present(right)?) {
        (None, None) => return Ok(true),
        (Some(left), Some(right)) => (left, right),
        _ => return Ok(false),
    };
    if left.metadata()?.size() != right.metadata()?.size() {
        return Ok(false);
    }
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let length = left.read(&mut one)?;
        right.read_exact(&mut other[..length])?;
        if one[..length] != other[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
    }
}

fn present(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
