//! The file of the Unix socket.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::get;
use crate::process::{Daemon, refused};

fn folder() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.sock");
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn start(path: &str) -> Daemon {
    Daemon::start(&["--listen", "none", "--listen-unix", path])
}

#[test]
fn owner_and_group_may_connect_and_the_file_goes_at_the_end() {
    let (_folder, path) = folder();
    let mut daemon = start(&path);
    let found = fs::symlink_metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.mode() & 0o777, 0o660);
    assert_eq!(daemon.places, [path.as_str()]);
    daemon.client().ask(&get("/a", "")).expect(404);
    daemon.signal(Signal::TERM);
    assert!(daemon.ended(Duration::from_secs(10)).success());
    assert!(!Path::new(&path).exists());
}

#[test]
fn the_file_of_a_dead_server_is_replaced() {
    let (_folder, path) = folder();
    start(&path).kill();
    assert!(Path::new(&path).exists());
    start(&path).client().ask(&get("/a", "")).expect(404);
}

#[test]
fn the_place_of_a_living_server_is_refused() {
    let (_folder, path) = folder();
    let daemon = start(&path);
    let args = [
        "--listen",
        "none",
        "--listen-unix",
        &path,
        "--admin",
        "none",
    ];
    assert!(refused(&args).contains("another server listens there"));
    daemon.client().ask(&get("/a", "")).expect(404);
    drop(daemon);
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    assert!(refused(&args).contains("another server listens there"));
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let (folder, path) = folder();
    let args = [
        "--listen",
        "none",
        "--listen-unix",
        &path,
        "--admin",
        "none",
    ];
    fs::write(&path, "precious").unwrap();
    assert!(refused(&args).contains("not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
    // A link is not followed.
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(refused(&args).contains("not a socket"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(refused(&args).contains("not a socket"));
}

/// A server that starts in the place of one that drains keeps its file.
#[test]
fn the_file_of_a_successor_stays() {
    let (_folder, path) = folder();
    let mut first = start(&path);
    let _open = first.client();
    first.client().ask(&get("/a", "")).expect(404);
    first.signal(Signal::TERM);
    first.logs("draining");
    std::thread::sleep(Duration::from_millis(100));
    let second = start(&path);
    assert!(first.ended(Duration::from_secs(10)).success());
    second.client().ask(&get("/a", "")).expect(404);
}
