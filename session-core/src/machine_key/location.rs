//! Where a path leads: symbolic links are followed one component at a time, and only through
//! places that nobody else can change.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::error::{KeyRingError, KeyRingErrorKind};
use super::trust::{self, Stat};

const MOST_LINKS: usize = 40;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What was found at the end of a path.
pub(super) enum Location {
    /// Something that is not a symbolic link. `projected` says that the path went through the
    /// `..data` link of a mounted Kubernetes volume.
    Present { path: PathBuf, projected: bool },
    /// Nothing, in a directory that exists.
    Absent(PathBuf),
    /// A symbolic link to something that does not exist.
    Dangling(PathBuf),
}

/// Follows `path`.
pub(super) fn locate(path: &Path) -> Result<Location, KeyRingError> {
    let absolute = std::path::absolute(path).map_err(|error| trust::io_error(path, error))?;
    let mut walk = Walk::new(&absolute);
    let location = walk.run()?;
    walk.refuse_changeable_directories()?;
    Ok(location)
}

struct Walk {
    resolved: PathBuf,
    pending: VecDeque<OsString>,
    /// The directories on the way, which matter once a link was followed.
    directories: Vec<(PathBuf, Stat)>,
    links: usize,
    last_is_link: bool,
    projected: bool,
}

impl Walk {
    fn new(absolute: &Path) -> Self {
        Self {
            resolved: PathBuf::new(),
            pending: parts(absolute).collect(),
            directories: Vec::new(),
            links: 0,
            last_is_link: false,
            projected: false,
        }
    }

    fn run(&mut self) -> Result<Location, KeyRingError> {
        while let Some(part) = self.pending.pop_front() {
            if part == ".." {
                self.resolved.pop();
                continue;
            }
            let next = self.resolved.join(&part);
            match next.symlink_metadata() {
                Ok(metadata) if metadata.is_symlink() => self.follow(&next, &metadata)?,
                Ok(metadata) => self.enter(next, &metadata)?,
                Err(error) => return self.missing(next, error),
            }
        }
        Ok(Location::Present {
            path: self.resolved.clone(),
            projected: self.projected,
        })
    }

    fn enter(&mut self, next: PathBuf, metadata: &Metadata) -> Result<(), KeyRingError> {
        if metadata.is_dir() {
            self.directories.push((next.clone(), Stat::of(metadata)));
        } else if !self.pending.is_empty() {
            let error = io::Error::from(ErrorKind::NotADirectory);
            return Err(trust::io_error(&next, error));
        }
        self.resolved = next;
        Ok(())
    }

    fn follow(&mut self, link: &Path, metadata: &Metadata) -> Result<(), KeyRingError> {
        let stat = Stat::of(metadata);
        if !trust::is_trusted_owner(metadata.uid()) {
            return Err(untrusted(
                link,
                stat,
                "is a symbolic link of another user",
                "chown -h it",
            ));
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(untrusted(
                link,
                stat,
                "is in a loop of symbolic links",
                "remove the loop",
            ));
        }
        self.last_is_link |= self.pending.is_empty();
        self.projected |= link.file_name().is_some_and(|name| name == "..data");
        let target = link
            .read_link()
            .map_err(|error| trust::io_error(link, error))?;
        for part in parts(&target).rev() {
            self.pending.push_front(part);
        }
        Ok(())
    }

    fn missing(&self, next: PathBuf, error: io::Error) -> Result<Location, KeyRingError> {
        match error.kind() {
            ErrorKind::NotFound if self.last_is_link => {
                let target = self.pending.iter().fold(next, |path, part| path.join(part));
                Ok(Location::Dangling(target))
            }
            ErrorKind::NotFound if self.pending.is_empty() => Ok(Location::Absent(next)),
            _ => Err(trust::io_error(&next, error)),
        }
    }

    /// A link is as trustworthy as every directory on the way to it and from it. In a sticky
    /// directory others can add entries and cannot replace ours or root's.
    fn refuse_changeable_directories(&self) -> Result<(), KeyRingError> {
        if self.links == 0 {
            return Ok(());
        }
        for (path, stat) in &self.directories {
            if !trust::is_trusted_owner(stat.owner) {
                let what = "is on the way of a symbolic link and belongs to another user";
                return Err(untrusted(
                    path,
                    *stat,
                    what,
                    "chown it to root or to this user",
                ));
            }
            if stat.mode & WRITABLE_BY_OTHERS != 0 && stat.mode & STICKY == 0 {
                let what = "is on the way of a symbolic link and others may write to it";
                return Err(untrusted(path, *stat, what, "chmod go-w it"));
            }
        }
        Ok(())
    }
}

/// The components of a path, with `/` for the root, which makes a join start anew.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_owned())
}

fn untrusted(path: &Path, stat: Stat, what: &str, fix: &str) -> KeyRingError {
    KeyRingError::new(
        KeyRingErrorKind::Untrusted,
        format!("{} ({stat}) {what}; {fix}", path.display()),
    )
}
