//! The directory: whose it is, and who may read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::client::{create, key, load};
use crate::daemon::Place;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn one_server_has_it() {
    let place = Place::new();
    let daemon = place.start(&[]);
    let ended = place.start_in_vain(&[]);
    assert!(!ended.is_success);
    let holder = format!("process {}", daemon.pid().as_raw_nonzero());
    for word in ["in use by another session-state-server", &holder] {
        assert!(ended.log.contains(word), "{}", ended.log);
    }
    daemon
        .client()
        .ask(&create(&key(1, 1), "a"))
        .unwrap()
        .expect(200);
    daemon.kill();
    place
        .start(&[])
        .client()
        .ask(&load(&key(1, 1)))
        .unwrap()
        .expect(200);
}

#[test]
fn nobody_else_may_read_it() {
    let place = Place::new();
    let daemon = place.start(&[]);
    daemon
        .client()
        .ask(&create(&key(1, 1), "a"))
        .unwrap()
        .expect(200);
    assert_eq!(mode(&place.data()), 0o700);
    for name in ["sessions.db", "sessions.db-wal", "lock"] {
        assert_eq!(mode(&place.data().join(name)), 0o600, "{name}");
    }
    assert!(!daemon.log().contains("open to others"));
    daemon.kill();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = place.start(&[]);
    assert!(
        daemon.log().contains("open to others (mode 755)"),
        "{}",
        daemon.log()
    );
}

#[test]
fn a_clean_stop_leaves_one_file() {
    let place = Place::new();
    for durability in ["sync", "async"] {
        let daemon = place.start(&["--durability", durability]);
        let target = key(1, durability.len() as u64);
        daemon
            .client()
            .ask(&create(&target, "a"))
            .unwrap()
            .expect(200);
        let ended = daemon.stop();
        assert!(ended.is_success, "{}", ended.log);
        assert!(!place.data().join("sessions.db-wal").exists());
        let daemon = place.start(&[]);
        daemon.client().ask(&load(&target)).unwrap().expect(200);
    }
}

#[test]
fn flags_that_do_not_go_together() {
    let place = Place::new();
    let ended = place.start_in_vain(&["--durability", "none"]);
    assert!(!ended.is_success);
    assert!(
        ended.log.contains("--durability none writes nothing"),
        "{}",
        ended.log
    );
    assert!(!place.data().exists());
}

#[test]
fn a_directory_that_cannot_be_made() {
    let place = Place::new();
    fs::write(place.data(), "a file").unwrap();
    let ended = place.start_in_vain(&[]);
    assert!(!ended.is_success);
    assert!(
        ended.log.contains("--data-dir: cannot make the directory"),
        "{}",
        ended.log
    );
}
