//! Files that are not as we left them are refused and kept.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::client::{create, key, load};
use crate::daemon::{Ended, Place};

const SESSIONS: u64 = 60;

/// A body that fills half a page.
fn body(number: u64) -> String {
    format!("{number:04}").repeat(500)
}

/// A directory with a file of sessions in it, that no server has open.
fn filled() -> Place {
    let place = Place::new();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    for number in 0..SESSIONS {
        client
            .ask(&create(&key(1, number), &body(number)))
            .unwrap()
            .expect(200);
    }
    assert!(daemon.stop().is_success);
    place
}

/// The copies in a directory.
fn copies(place: &Place) -> Vec<PathBuf> {
    let all = fs::read_dir(place.data())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_copy = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("corrupt-")
    };
    all.filter(is_copy).collect()
}

#[track_caller]
fn assert_refused(place: &Place, why: &str) -> Ended {
    let before = fs::read(place.file()).ok();
    let ended = place.start_in_vain(&[]);
    assert!(!ended.is_success);
    let copies = copies(place);
    let [copy] = &copies[..] else {
        panic!("{copies:?}\n{}", ended.log);
    };
    for word in [why, place.file().to_str().unwrap(), copy.to_str().unwrap()] {
        assert!(ended.log.contains(word), "{word} is missing: {}", ended.log);
    }
    assert!(
        fs::read(place.file()).ok() == before,
        "the file was changed"
    );
    assert!(
        fs::read(copy.join("sessions.db")).ok() == before,
        "the copy is another"
    );
    ended
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn garbage() {
    let place = filled();
    fs::write(place.file(), "no database at all".repeat(1_000)).unwrap();
    assert_refused(&place, "not a database");
}

#[test]
fn a_file_without_content() {
    let place = filled();
    fs::write(place.file(), "").unwrap();
    assert_refused(&place, "no file of a session-state-server");
}

#[test]
fn a_truncated_file() {
    let place = filled();
    change(&place.file(), |bytes| bytes.truncate(bytes.len() / 2));
    assert_refused(&place, "malformed");
}

#[test]
fn another_program_s_database() {
    let place = filled();
    fs::remove_file(place.file()).unwrap();
    let foreign = Connection::open(place.file()).unwrap();
    foreign
        .execute_batch("CREATE TABLE visits (id INTEGER); INSERT INTO visits VALUES (1)")
        .unwrap();
    drop(foreign);
    assert_refused(&place, "no file of a session-state-server");
}

#[test]
fn a_newer_format() {
    let place = filled();
    let file = Connection::open(place.file()).unwrap();
    file.pragma_update(None, "user_version", 2).unwrap();
    drop(file);
    assert_refused(&place, "its format is 2, and this program knows 1");
}

#[test]
fn a_changed_row() {
    let place = filled();
    let file = Connection::open(place.file()).unwrap();
    file.execute_batch("UPDATE items SET expires = expires + 1 WHERE id = 5")
        .unwrap();
    drop(file);
    assert_refused(&place, "row 5 is damaged");
}

#[test]
fn a_missing_table() {
    let place = filled();
    let file = Connection::open(place.file()).unwrap();
    file.execute_batch("DROP TABLE control").unwrap();
    drop(file);
    assert_refused(&place, "no such table: control");
}

/// Restarting does not fill the disk with copies, and what is repaired is used again.
#[test]
fn a_file_is_copied_once() {
    let place = filled();
    let good = fs::read(place.file()).unwrap();
    change(&place.file(), |bytes| bytes[4_096..8_192].fill(0xff));
    for _ in 0..3 {
        assert_refused(&place, "sessions.db");
    }
    fs::write(place.file(), &good).unwrap();
    let daemon = place.start(&[]);
    daemon.client().ask(&load(&key(1, 1))).unwrap().expect(200);
    daemon.kill();
}

/// The log of a crash belongs to the file.
#[test]
fn a_log_without_its_file() {
    let place = filled();
    let daemon = place.start(&[]);
    daemon
        .client()
        .ask(&create(&key(2, 1), "a"))
        .unwrap()
        .expect(200);
    daemon.kill();
    let log = place.data().join("sessions.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    fs::remove_file(place.file()).unwrap();
    assert_refused(&place, "the file is missing");
    assert!(fs::read(copies(&place)[0].join("sessions.db-wal")).unwrap() == fs::read(log).unwrap());
}

/// The log goes with the copy as it was.
#[test]
fn the_log_of_a_damaged_file() {
    let place = filled();
    let daemon = place.start(&[]);
    daemon
        .client()
        .ask(&create(&key(2, 1), "a"))
        .unwrap()
        .expect(200);
    daemon.kill();
    let log = place.data().join("sessions.db-wal");
    let before = fs::read(&log).unwrap();
    change(&place.file(), |bytes| {
        let end = bytes.len();
        bytes[8_192..end].fill(0xff);
    });
    assert_refused(&place, "sessions.db");
    assert!(fs::read(&log).unwrap() == before);
    assert!(fs::read(copies(&place)[0].join("sessions.db-wal")).unwrap() == before);
}

/// A changed byte is noticed, or was of no account.
#[test]
fn a_flipped_byte() {
    let place = filled();
    let good = fs::read(place.file()).unwrap();
    let mut refused = 0;
    for step in 0..40 {
        let at = (step * 7_919 + step * step * 131) % good.len();
        let mut bytes = good.clone();
        bytes[at] ^= 0x5a;
        fs::write(place.file(), &bytes).unwrap();
        for copy in copies(&place) {
            fs::remove_dir_all(copy).unwrap();
        }
        match place.try_start() {
            Err(ended) => {
                assert!(!ended.is_success);
                assert_eq!(copies(&place).len(), 1, "{}", ended.log);
                assert!(fs::read(place.file()).unwrap() == bytes);
                refused += 1;
            }
            Ok(daemon) => {
                let mut client = daemon.client();
                for number in 0..SESSIONS {
                    let found = client.ask(&load(&key(1, number))).unwrap().expect(200);
                    assert_eq!(found.text(), body(number), "byte {at}");
                }
                daemon.kill();
                let _ = fs::remove_file(place.data().join("sessions.db-wal"));
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

/// A log that is damaged would otherwise be read as far as it is sound, and every commit after
/// that undone.
#[test]
fn a_flipped_byte_in_the_log() {
    const COMMITS: u64 = 40;
    let place = filled();
    let file = fs::read(place.file()).unwrap();
    let daemon = place.start(&[]);
    let mut client = daemon.client();
    for number in 0..COMMITS {
        let created = client.ask(&create(&key(2, number), &body(number))).unwrap();
        created.expect(200);
    }
    daemon.kill();
    let log = place.data().join("sessions.db-wal");
    let good = fs::read(&log).unwrap();
    let mut lost = Vec::new();
    for step in 0..20 {
        let at = step * good.len() / 20 + step * 13;
        let mut bytes = good.clone();
        bytes[at] ^= 0x5a;
        fs::write(place.file(), &file).unwrap();
        fs::write(&log, &bytes).unwrap();
        for copy in copies(&place) {
            fs::remove_dir_all(copy).unwrap();
        }
        match place.try_start() {
            Err(ended) => {
                assert!(ended.log.contains("its log is damaged"), "{}", ended.log);
                assert!(fs::read(&log).unwrap() == bytes);
                assert!(fs::read(copies(&place)[0].join("sessions.db-wal")).unwrap() == bytes);
            }
            Ok(daemon) => {
                let mut client = daemon.client();
                let missing = |number: &u64| {
                    let found = client.ask(&load(&key(2, *number))).unwrap();
                    found.status == 404
                };
                lost.push((0..COMMITS).filter(missing).count());
            }
        }
    }
    // Only damage in the last commit looks like a crash.
    assert!(
        lost.len() < 4 && lost.iter().all(|lost| *lost <= 1),
        "{lost:?}"
    );
}
