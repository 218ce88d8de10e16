//! The file of a Unix socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::umask;
use tokio::net::UnixListener;

/// The file of a socket that this server listens on. It is removed when this is dropped, unless
/// another server has put its own in the place.
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens on a socket at `path` that owner and group may use. The file of a server that is
    /// gone is replaced.
    pub(crate) fn listen(path: &Path) -> Result<(UnixListener, Self), String> {
        make_way(path)?;
        // Not changed afterwards: in between, others could connect.
        let before = umask(Mode::from_bits_truncate(0o117));
        let listener = UnixListener::bind(path);
        umask(before);
        let cannot = |error: io::Error| format!("--listen-unix {}: {error}", path.display());
        let listener = listener.map_err(cannot)?;
        let identity = fs::symlink_metadata(path).map_err(cannot)?;
        let file = Self {
            path: path.to_owned(),
            identity: (identity.dev(), identity.ino()),
        };
        Ok((listener, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
            // What is left behind, the next server replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes what a dead server left at `path`; anything else there is an error.
fn make_way(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let cannot = |error: io::Error| format!("--listen-unix {shown}: {error}");
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(cannot)?,
    };
    if !found.file_type().is_socket() {
        return Err(format!(
            "--listen-unix {shown}: there is something that is not a socket; remove it or choose \
             another path"
        ));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(cannot)
        }
        Err(error) => Err(cannot(error)),
        Ok(_) => Err(format!(
            "--listen-unix {shown}: another server listens there; stop it or choose another path"
        )),
    }
}
