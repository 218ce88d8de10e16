//! What can be wrong with a file, and what is said about it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{EndReason, LeaseUse, Load, Revision, Save, SessionStore, StoreErrorKind};
use session_store_sql::SqliteStore;

use crate::file::{File, store};
use crate::sessions::{create, found, key, long, record, save};

async fn try_save(store: &Arc<SqliteStore>, number: u32) -> Result<Save, session_core::StoreError> {
    let base = found(store, number).await.revision;
    let store = Arc::clone(store);
    let saved = store.save(key(number), base, record("more"), long(), LeaseUse::None);
    saved.await
}

/// A transaction that somebody left open: reads go on, writes say so in time and work
/// afterwards, and what had failed was not done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_lock_is_named_in_time() {
    let file = File::fresh();
    let store = store(&file.url("create=true&operation-timeout=600ms"));
    create(&store, 1, "before").await;
    let foreign = file.foreign();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let error = try_save(&store, 1).await.unwrap_err();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    let text = error.to_string();
    assert!(text.contains("another program has locked"), "{text}");
    assert!(text.contains("sessions.db"), "{text}");
    assert_eq!(found(&store, 1).await.record, record("before"));
    foreign.execute_batch("COMMIT").unwrap();
    assert!(matches!(try_save(&store, 1).await, Ok(Save::Saved(_))));
}

/// A lock that is short is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_foreign_lock_is_waited_for() {
    let file = File::fresh();
    let store = file.store();
    create(&store, 1, "before").await;
    let foreign = file.foreign();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let saving = tokio::spawn({
        let store = Arc::clone(&store);
        async move { try_save(&store, 1).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    foreign.execute_batch("COMMIT").unwrap();
    assert!(matches!(saving.await.unwrap(), Ok(Save::Saved(_))));
}

/// A process that stops in its turn: the others say so in time, and go on when it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_does_not_end_is_named_in_time() {
    let file = File::fresh();
    let store = store(&file.url("create=true&operation-timeout=300ms"));
    create(&store, 1, "before").await;
    let turn = fs::File::open(file.folder().join("sessions.db-turn")).unwrap();
    turn.lock().unwrap();
    for _ in 0..3 {
        let error = try_save(&store, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TimedOut);
        assert!(error.to_string().contains("its turn"), "{error}");
    }
    drop(turn);
    assert!(matches!(try_save(&store, 1).await, Ok(Save::Saved(_))));
    assert_eq!(found(&store, 1).await.revision.get(), 2);
}

/// A page of the file is overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_named() {
    let file = File::fresh();
    let store = file.store();
    for number in 0..200 {
        create(&store, number, &"x".repeat(1_000)).await;
    }
    drop(store);
    settle(&file).await;
    let mut bytes = fs::read(file.path()).unwrap();
    bytes[3 * 4096..].fill(0x55);
    fs::write(file.path(), bytes).unwrap();
    let store = file.store();
    let mut errors = Vec::new();
    for number in 0..200 {
        if let Err(error) = Arc::clone(&store).load(key(number)).await {
            errors.push(error);
        }
    }
    let error = errors.pop().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("good copy"), "{error}");
    let touch = Arc::clone(&store).touch(key(100)).await;
    assert_eq!(touch.unwrap_err().kind(), StoreErrorKind::Corrupt);
}

/// Waits until the store that was dropped has closed the file.
async fn settle(file: &File) {
    let log = file.folder().join("sessions.db-wal");
    while log.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_named() {
    let file = File::fresh();
    fs::write(file.path(), "not a database ".repeat(1_000)).unwrap();
    let error = file.store().ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(!error.to_string().contains("not a database not"), "{error}");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let file = File::fresh();
    let url = format!("sqlite:{}/no/x.db?create=true", file.folder().display());
    let error = store(&url).ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(
        error.to_string().contains("is the folder there?"),
        "{error}"
    );
}

/// A row that other programs have spoiled spoils nothing else.
#[tokio::test]
async fn a_spoiled_row_is_named() {
    let file = File::fresh();
    let store = file.store();
    create(&store, 1, "x").await;
    create(&store, 2, "x").await;
    let spoil = "UPDATE sessions SET content = x'09' WHERE id = 1";
    file.foreign().execute_batch(spoil).unwrap();
    let error = Arc::clone(&store).load(key(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    found(&store, 2).await;
    let stale = Revision::new(9).unwrap();
    let saved = Arc::clone(&store).save(key(1), stale, record("x"), long(), LeaseUse::None);
    assert_eq!(saved.await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert!(matches!(
        save(&store, 2, Revision::FIRST, "y").await,
        Save::Saved(_)
    ));
}

/// A small file system of its own; none where this process may not mount.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(folder: &'a Path, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(folder);
        mount
            .output()
            .ok()?
            .status
            .success()
            .then_some(Self(folder))
    }

    /// Whoever has just been dropped may still be closing a file.
    fn remount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", options]).arg(self.0);
        let mut attempt = || {
            std::thread::sleep(Duration::from_millis(20));
            mount.output().is_ok_and(|output| output.status.success())
        };
        (0..50).any(|_| attempt())
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn say_left_out(why: &str) {
    eprintln!("left out: {why}");
}

/// A full disk: an error that says so, nothing lost, and all is well when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_named_and_loses_nothing() {
    let file = File::fresh();
    let Some(_disk) = Disk::mount(file.folder(), "size=1m") else {
        return say_left_out("tmpfs cannot be mounted here");
    };
    let store = file.store();
    let payload = "x".repeat(10_000);
    let mut kept = 0;
    let error = loop {
        let created = Arc::clone(&store).create(key(kept), record(&payload), long());
        match created.await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
    assert!(kept > 20, "{kept}");
    for number in 0..kept {
        assert_eq!(found(&store, number).await.record, record(&payload));
    }
    let load = Arc::clone(&store).load(key(kept)).await.unwrap();
    assert_eq!(load, Load::Absent);
    assert!(_disk.remount("remount,size=8m"));
    create(&store, kept, &payload).await;
    let deleted = Arc::clone(&store).delete(key(0), EndReason::Destroyed);
    assert!(deleted.await.unwrap());
}

/// A file system that is read-only, under a store that runs and under one that starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_is_named() {
    let file = File::fresh();
    let Some(disk) = Disk::mount(file.folder(), "size=4m") else {
        return say_left_out("tmpfs cannot be mounted here");
    };
    let first = file.store();
    create(&first, 1, "x").await;
    drop(first);
    settle(&file).await;
    assert!(disk.remount("remount,ro"));
    let store = file.store();
    let touch = Arc::clone(&store).touch(key(1));
    let error = touch.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("permission to write"), "{error}");
    assert!(disk.remount("remount,rw"));
    found(&store, 1).await;
    Arc::clone(&store).touch(key(1)).await.unwrap();
}

/// A file that this user may not use. The test runs itself as another user.
#[tokio::test]
async fn a_file_of_another_user_is_named() {
    let file = File::fresh();
    drop(file.store());
    create(&file.store(), 1, "x").await;
    settle(&file).await;
    fs::set_permissions(file.folder(), Permissions::from_mode(0o755)).unwrap();
    for mode in [0o600, 0o644] {
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        let Some(said) = crate::processes::as_nobody("touch", &file) else {
            return say_left_out("this process cannot become another user");
        };
        assert!(said.contains("Refused"), "{mode:o}: {said}");
        assert!(said.contains("permission to write"), "{mode:o}: {said}");
    }
}

/// A file that is taken away under a store: a new one takes its place, or is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_taken_away_is_noticed() {
    let file = File::fresh();
    let maker = file.store();
    create(&maker, 1, "x").await;
    let store = store(&file.url(""));
    found(&store, 1).await;
    Arc::clone(&store).touch(key(1)).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(file.folder().join(format!("sessions.db{suffix}"))).unwrap();
    }
    let error = Arc::clone(&store).touch(key(1)).await.unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    create(&maker, 2, "y").await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    found(&store, 2).await;
    let load = Arc::clone(&store).load(key(1)).await.unwrap();
    assert_eq!(load, Load::Absent);
    Arc::clone(&store).touch(key(2)).await.unwrap();
}
