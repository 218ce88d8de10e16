//! Who may read and write a ring file, and what is said when it is somebody else.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::error::{KeyRingError, KeyRingErrorKind};

const ROOT: u32 = 0;

/// Owner and mode of a file, shown together with the user that this process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) owner: u32,
    pub(super) mode: u32,
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            owner: metadata.uid(),
            mode: metadata.mode() & 0o7777,
        }
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (owner, mode) = (self.owner, self.mode);
        write!(
            f,
            "owner {owner}, mode {mode:04o}, this process is user {}",
            geteuid()
        )
    }
}

/// How widely a ring file may be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// By its owner, and by its group if root owns it.
    Closed,
    /// By everybody: inside a mounted secret volume, which only its container sees, or because
    /// the configuration says so.
    Anyone,
}

/// Why a file is not accepted as a ring, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    what: &'static str,
    fix: &'static str,
}

pub(super) fn is_trusted_owner(owner: u32) -> bool {
    owner == ROOT || owner == geteuid().as_raw()
}

/// Decides by owner and mode whether `user` may trust a ring file.
pub(super) fn judge(stat: Stat, user: u32, exposure: Exposure) -> Result<(), Objection> {
    let objection = |what, fix| Err(Objection { what, fix });
    if stat.owner != user && stat.owner != ROOT {
        return objection(
            "belongs to another user",
            "chown it to root or to the user that this process runs as",
        );
    }
    let (allowed, chmod) = match stat.owner {
        ROOT => (0o640, "chmod 0640 it"),
        _ => (0o600, "chmod 0600 it"),
    };
    if stat.mode & 0o022 != 0 {
        return objection("may be written by others", chmod);
    }
    if exposure == Exposure::Anyone {
        return Ok(());
    }
    if stat.mode & 0o004 != 0 {
        return objection("is readable by everybody on this machine", chmod);
    }
    if stat.mode & !allowed != 0 {
        return objection("has a wider mode than a ring needs", chmod);
    }
    Ok(())
}

/// Refuses an open file that somebody else may have written, or may read.
pub(super) fn refuse_untrusted(
    path: &Path,
    file: &File,
    metadata: &Metadata,
    world_readable: bool,
) -> Result<(), KeyRingError> {
    let exposure = match world_readable || is_memory_file(file) {
        true => Exposure::Anyone,
        false => Exposure::Closed,
    };
    let stat = Stat::of(metadata);
    judge(stat, geteuid().as_raw(), exposure).map_err(|Objection { what, fix }| {
        KeyRingError::new(
            KeyRingErrorKind::Untrusted,
            format!("the key ring {} ({stat}) {what}; {fix}", path.display()),
        )
    })
}

/// Whether a file lies on tmpfs or ramfs, as mounted secrets do.
#[cfg(target_os = "linux")]
fn is_memory_file(file: &File) -> bool {
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    rustix::fs::fstatfs(file).is_ok_and(|stat| {
        let kind = i128::from(stat.f_type) & 0xffff_ffff;
        kind == TMPFS || kind == RAMFS
    })
}

#[cfg(not(target_os = "linux"))]
fn is_memory_file(_: &File) -> bool {
    false
}

/// A file as errors name it: with owner, mode and the user that this process runs as.
pub(super) fn describe(path: &Path) -> String {
    let stat = path.metadata().map_or_else(
        |_| format!("this process is user {}", geteuid()),
        |metadata| Stat::of(&metadata).to_string(),
    );
    format!("the key ring {} ({stat})", path.display())
}

/// A failure of the operating system at `path`, with what can be seen of the file.
pub(super) fn io_error(path: &Path, error: io::Error) -> KeyRingError {
    let shown = path.display();
    let (kind, message) = match error.kind() {
        ErrorKind::NotFound => (
            KeyRingErrorKind::NotFound,
            format!("{shown} does not exist; create the directory, or correct the path"),
        ),
        ErrorKind::PermissionDenied => (
            KeyRingErrorKind::Permission,
            format!(
                "{} is not accessible to this process; \
                 give its user the permission, or correct the path",
                visible(path)
            ),
        ),
        ErrorKind::ReadOnlyFilesystem => (
            KeyRingErrorKind::Permission,
            format!(
                "{shown} cannot be written, because its file system is read-only (this process \
                 is user {}); put an existing ring there, or create it on a writable file system",
                geteuid()
            ),
        ),
        _ => (
            KeyRingErrorKind::Io,
            format!(
                "{} cannot be used: {error}; correct that, or the path",
                visible(path)
            ),
        ),
    };
    KeyRingError::new(kind, message).with_source(error)
}

/// A path with owner and mode; where nothing can be seen of it, with the first directory above
/// it of which something can.
fn visible(path: &Path) -> String {
    let shown = path.display();
    let stat = |place: &Path| place.symlink_metadata().ok().map(|seen| Stat::of(&seen));
    if let Some(stat) = stat(path) {
        return format!("{shown} ({stat})");
    }
    let mut above = path.ancestors().skip(1);
    match above.find_map(|place| Some((place, stat(place)?))) {
        Some((place, stat)) => format!("{shown} in {} ({stat})", place.display()),
        None => format!("{shown} (this process is user {})", geteuid()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::{Exposure, Stat, io_error, judge};

    const USER: u32 = 1000;

    fn accepted(owner: u32, mode: u32, exposure: Exposure) -> bool {
        judge(Stat { owner, mode }, USER, exposure).is_ok()
    }

    #[test]
    fn the_own_users_ring_is_closed_to_all_others() {
        for mode in 0..=0o7777 {
            let expected = matches!(mode, 0o600 | 0o400 | 0o200 | 0o000);
            assert_eq!(accepted(USER, mode, Exposure::Closed), expected, "{mode:o}");
        }
    }

    #[test]
    fn roots_ring_may_be_readable_by_its_group() {
        for mode in [0o600, 0o400, 0o640, 0o440] {
            assert!(accepted(0, mode, Exposure::Closed), "{mode:o}");
        }
        for mode in [0o644, 0o444, 0o660, 0o620, 0o602, 0o777] {
            assert!(!accepted(0, mode, Exposure::Closed), "{mode:o}");
        }
    }

    #[test]
    fn a_mounted_secret_may_be_readable_and_not_writable() {
        for owner in [0, USER] {
            for mode in [0o644, 0o444, 0o440, 0o755, 0o600] {
                assert!(accepted(owner, mode, Exposure::Anyone), "{mode:o}");
            }
            for mode in [0o664, 0o646, 0o666, 0o777] {
                assert!(!accepted(owner, mode, Exposure::Anyone), "{mode:o}");
            }
        }
    }

    #[test]
    fn another_users_ring_is_never_trusted() {
        for exposure in [Exposure::Closed, Exposure::Anyone] {
            assert!(!accepted(USER + 1, 0o600, exposure));
            assert!(!accepted(USER + 1, 0o444, exposure));
        }
    }

    #[test]
    fn c46_what_cannot_be_seen_is_told_by_the_directory_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ring.toml.lock");
        let message = io_error(&path, ErrorKind::PermissionDenied.into()).to_string();
        let expected = format!(
            "{} in {} ({}) is not accessible",
            path.display(),
            directory.path().display(),
            Stat::of(&directory.path().metadata().unwrap())
        );
        assert!(message.starts_with(&expected), "{message}");
    }

    #[test]
    fn c46_a_read_only_file_system_is_no_matter_of_permissions() {
        let path = std::path::Path::new("/run/secrets/ring.toml.lock");
        let message = io_error(path, ErrorKind::ReadOnlyFilesystem.into()).to_string();
        assert!(message.contains("file system is read-only"), "{message}");
        assert!(!message.contains("permission"), "{message}");
    }
}
