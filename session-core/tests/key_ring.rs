//! Ring files on a real file system: who may read them, what is absent, and who creates them.
//!
//! Some of these tests need root, to give files to other users and to run as one.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows tests and not the functions that tests share"
)]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use session_core::{Clock as _, KeyRing, KeyRingErrorKind, KeyRingOptions, SystemClock};
use tempfile::TempDir;

const NOBODY: u32 = 65534;
const SOMEBODY_ELSE: u32 = 54321;

/// A directory that other users may enter.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o755);
    directory
}

fn ring_in(directory: &Path) -> PathBuf {
    let path = directory.join("machine-key.toml");
    KeyRing::open_or_create(&path).unwrap();
    path
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn kid(ring: &KeyRing) -> String {
    ring.snapshot()
        .sealing_kid(SystemClock::default().now())
        .to_string()
}

fn open_kind(path: &Path) -> KeyRingErrorKind {
    KeyRing::open(path).unwrap_err().kind()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_root() -> bool {
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(NOBODY), None).is_ok()
}

/// What another process does with the ring at `path`.
fn start(action: &str, path: &Path, user: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("KEY_RING_ACTION", action)
        .env("KEY_RING_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command.spawn().unwrap()
}

/// Lets the child begin, and gives its answer: a key id, or the kind of error.
fn finish(mut child: Child) -> String {
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let answer = output
        .split("<<")
        .nth(1)
        .and_then(|rest| rest.split(">>").next());
    answer
        .unwrap_or_else(|| panic!("no answer in {output}"))
        .to_owned()
}

fn as_nobody(action: &str, path: &Path) -> String {
    finish(start(action, path, Some(NOBODY)))
}

#[test]
#[ignore = "the part of another process in other tests"]
fn child() {
    let Ok(action) = std::env::var("KEY_RING_ACTION") else {
        return;
    };
    let path = std::env::var_os("KEY_RING_PATH").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let ring = match action.as_str() {
        "open" => KeyRing::open(path),
        "create" => KeyRing::open_or_create(path),
        "insecure" => KeyRingOptions::new()
            .insecure_world_readable(true)
            .open(path),
        action => panic!("{action}"),
    };
    match ring {
        Ok(ring) => println!("<<{}>>", kid(&ring)),
        Err(error) => println!("<<{}>> {error}", error.kind().as_str()),
    }
}

#[test]
fn c45_of_64_processes_one_creates_the_ring() {
    let directory = directory();
    let path = directory.path().join("machine-key.toml");
    let children: Vec<Child> = (0..64).map(|_| start("create", &path, None)).collect();
    let mut children = children;
    for child in &mut children {
        drop(child.stdin.take());
    }
    let kids: Vec<String> = children.into_iter().map(finish).collect();
    let expected = kid(&KeyRing::open(&path).unwrap());
    assert_eq!(kids, vec![expected; 64]);
    assert_eq!(
        names(directory.path()),
        ["machine-key.toml", "machine-key.toml.lock"]
    );
}

#[test]
fn a_created_ring_is_private_and_is_opened_from_then_on() {
    let directory = directory();
    let path = ring_in(directory.path());
    assert_eq!(mode(&path), 0o600);
    let text = fs::read(&path).unwrap();
    let again = KeyRing::open_or_create(&path).unwrap();
    assert_eq!(kid(&again), kid(&KeyRing::open(&path).unwrap()));
    assert_eq!(fs::read(&path).unwrap(), text);
}

#[test]
fn c46_opening_never_creates() {
    let directory = directory();
    let path = directory.path().join("machine-key.toml");
    assert_eq!(open_kind(&path), KeyRingErrorKind::NotFound);
    assert!(names(directory.path()).is_empty());
}

#[test]
fn c46_a_missing_directory_is_not_made() {
    let directory = directory();
    let path = directory.path().join("missing/machine-key.toml");
    let error = KeyRing::open_or_create(&path).unwrap_err();
    assert_eq!(error.kind(), KeyRingErrorKind::NotFound);
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn c46_whatever_else_is_there_never_leads_to_a_new_key() {
    let directory = directory();
    let root = directory.path();
    let good = fs::read(ring_in(root)).unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("short"), &good[..good.len() - 1]).unwrap();
    fs::write(root.join("large"), vec![b'#'; 70_000]).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    for (name, kind) in [
        ("directory", KeyRingErrorKind::Untrusted),
        ("empty", KeyRingErrorKind::Check),
        ("short", KeyRingErrorKind::Check),
        ("large", KeyRingErrorKind::Malformed),
        ("dangling", KeyRingErrorKind::Untrusted),
        ("loop", KeyRingErrorKind::Untrusted),
        ("socket", KeyRingErrorKind::Io),
        ("empty/below", KeyRingErrorKind::Io),
    ] {
        if root.join(name).is_file() {
            set_mode(&root.join(name), 0o600);
        }
        let before = names(root);
        assert_eq!(
            KeyRing::open_or_create(root.join(name)).unwrap_err().kind(),
            kind,
            "{name}"
        );
        assert_eq!(open_kind(&root.join(name)), kind, "{name}");
        assert_eq!(names(root), before, "{name}");
    }
    drop(socket);
}

#[test]
fn c46_an_error_names_path_owner_mode_user_and_the_fix() {
    let directory = directory();
    let readable = ring_in(directory.path());
    set_mode(&readable, 0o604);
    let short = directory.path().join("short.toml");
    fs::write(&short, "version = 1\n").unwrap();
    set_mode(&short, 0o600);
    for (path, mode, fix) in [(readable, "0604", "chmod"), (short, "0600", "restore")] {
        let message = KeyRing::open_or_create(&path).unwrap_err().to_string();
        let mode = format!("mode {mode}");
        for part in [path.to_str().unwrap(), "owner ", &mode, "is user ", fix] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn c46_a_dangling_link_is_told_with_its_whole_target() {
    let directory = directory();
    let path = directory.path().join("machine-key.toml");
    let target = directory.path().join("unmounted/ring.toml");
    symlink(&target, &path).unwrap();
    let message = KeyRing::open_or_create(&path).unwrap_err().to_string();
    let told = format!("is a symbolic link to {}, which", target.display());
    assert!(message.contains(&told), "{message}");
}

#[test]
fn modes_of_the_own_ring() {
    let directory = directory();
    let path = ring_in(directory.path());
    for accepted in [0o600, 0o400] {
        set_mode(&path, accepted);
        KeyRing::open(&path).unwrap();
    }
    for refused in [0o604, 0o644, 0o606, 0o622, 0o660, 0o700, 0o777] {
        set_mode(&path, refused);
        assert_eq!(open_kind(&path), KeyRingErrorKind::Untrusted, "{refused:o}");
    }
    let insecure = KeyRingOptions::new().insecure_world_readable(true);
    set_mode(&path, 0o644);
    insecure.clone().open(&path).unwrap();
    set_mode(&path, 0o646);
    assert!(insecure.open(&path).is_err());
}

#[test]
fn modes_of_roots_ring_for_another_user() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let path = ring_in(directory.path());
    let expected = kid(&KeyRing::open(&path).unwrap());
    chown(&path, None, Some(NOBODY)).unwrap();
    for (mode, answer) in [
        (0o440, expected.as_str()),
        (0o640, &expected),
        (0o444, "untrusted"),
        (0o660, "untrusted"),
        (0o600, "permission"),
    ] {
        set_mode(&path, mode);
        assert_eq!(as_nobody("open", &path), answer, "{mode:o}");
        assert_eq!(as_nobody("create", &path), answer, "{mode:o}");
    }
    set_mode(&path, 0o444);
    assert_eq!(as_nobody("insecure", &path), expected);
}

#[test]
fn modes_of_the_own_ring_of_another_user() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let path = ring_in(directory.path());
    let expected = kid(&KeyRing::open(&path).unwrap());
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    for (mode, answer) in [
        (0o600, expected.as_str()),
        (0o400, &expected),
        (0o440, "untrusted"),
        (0o640, "untrusted"),
        (0o000, "permission"),
    ] {
        set_mode(&path, mode);
        assert_eq!(as_nobody("open", &path), answer, "{mode:o}");
    }
}

#[test]
fn c46_the_ring_of_another_user_is_refused() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let path = ring_in(directory.path());
    chown(&path, Some(SOMEBODY_ELSE), None).unwrap();
    assert_eq!(open_kind(&path), KeyRingErrorKind::Untrusted);
    set_mode(&path, 0o444);
    assert_eq!(as_nobody("insecure", &path), "untrusted");
}

#[test]
fn c46_an_unreadable_directory_is_not_an_absent_ring() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let inner = directory.path().join("closed");
    fs::create_dir(&inner).unwrap();
    let path = ring_in(&inner);
    set_mode(&inner, 0o700);
    for action in ["open", "create"] {
        assert_eq!(as_nobody(action, &path), "permission");
        assert_eq!(as_nobody(action, &inner.join("absent.toml")), "permission");
    }
}

#[test]
fn c46_a_directory_that_cannot_be_written_is_an_error() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let path = directory.path().join("machine-key.toml");
    assert_eq!(as_nobody("open", &path), "not_found");
    assert_eq!(as_nobody("create", &path), "permission");
    assert!(names(directory.path()).is_empty());
}

/// A volume as Kubernetes mounts it: the files are links through `..data`, which is replaced.
fn mount_secret(volume: &Path, version: &str) {
    let data = volume.join(version);
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o755);
    let elsewhere = directory();
    fs::copy(ring_in(elsewhere.path()), data.join("ring.toml")).unwrap();
    set_mode(&data.join("ring.toml"), 0o644);
    let old = volume.join("..data").read_link().ok();
    symlink(version, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

#[test]
fn a_mounted_secret_is_read_and_its_replacement_is_noticed() {
    let directory = directory();
    let volume = directory.path();
    mount_secret(volume, "..2026_11_20");
    symlink("..data/ring.toml", volume.join("ring.toml")).unwrap();
    set_mode(volume, 0o1777);
    let ring = KeyRing::open(volume.join("ring.toml")).unwrap();
    let first = kid(&ring);
    assert!(!ring.refresh().unwrap());
    mount_secret(volume, "..2026_11_21");
    assert!(ring.refresh().unwrap());
    assert_ne!(kid(&ring), first);
    assert_eq!(ring.generation(), 1);
    if is_root() {
        assert_eq!(as_nobody("open", &volume.join("ring.toml")), kid(&ring));
    }
}

#[test]
fn a_volume_without_its_data_is_an_error_and_keeps_the_ring() {
    let directory = directory();
    let volume = directory.path();
    mount_secret(volume, "..2026_11_20");
    let path = volume.join("ring.toml");
    symlink("..data/ring.toml", &path).unwrap();
    let ring = KeyRing::open(&path).unwrap();
    fs::remove_dir_all(volume.join("..2026_11_20")).unwrap();
    assert_eq!(
        ring.refresh().unwrap_err().kind(),
        KeyRingErrorKind::Untrusted
    );
    assert_eq!(
        KeyRing::open_or_create(&path).unwrap_err().kind(),
        KeyRingErrorKind::Untrusted
    );
    assert_eq!(ring.generation(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_readable_secret_in_memory_is_accepted() {
    let Ok(directory) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let path = ring_in(directory.path());
    set_mode(&path, 0o444);
    KeyRing::open(&path).unwrap();
    set_mode(&path, 0o446);
    assert_eq!(open_kind(&path), KeyRingErrorKind::Untrusted);
}

#[test]
fn links_are_followed_through_trusted_places_only() {
    let directory = directory();
    let root = directory.path();
    let inner = root.join("inner");
    fs::create_dir(&inner).unwrap();
    set_mode(&inner, 0o755);
    ring_in(&inner);
    let link = root.join("link");
    symlink("inner/machine-key.toml", &link).unwrap();
    KeyRing::open(&link).unwrap();
    set_mode(&inner, 0o777);
    assert_eq!(open_kind(&link), KeyRingErrorKind::Untrusted);
    set_mode(&inner, 0o775);
    assert_eq!(open_kind(&link), KeyRingErrorKind::Untrusted);
    set_mode(&inner, 0o755);
    set_mode(root, 0o777);
    assert_eq!(open_kind(&link), KeyRingErrorKind::Untrusted);
    set_mode(root, 0o1777);
    KeyRing::open(&link).unwrap();
}

#[test]
fn links_of_other_users_are_not_followed() {
    if !is_root() {
        return;
    }
    let directory = directory();
    let path = ring_in(directory.path());
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    lchown(&link, Some(SOMEBODY_ELSE), None).unwrap();
    assert_eq!(open_kind(&link), KeyRingErrorKind::Untrusted);
    lchown(&link, Some(0), None).unwrap();
    chown(directory.path(), Some(SOMEBODY_ELSE), None).unwrap();
    assert_eq!(open_kind(&link), KeyRingErrorKind::Untrusted);
}

#[test]
fn a_ring_is_created_below_a_trusted_link() {
    let directory = directory();
    let root = directory.path();
    fs::create_dir(root.join("real")).unwrap();
    set_mode(&root.join("real"), 0o755);
    symlink("real", root.join("etc")).unwrap();
    let ring = KeyRing::open_or_create(root.join("etc/machine-key.toml")).unwrap();
    let real = KeyRing::open(root.join("real/machine-key.toml")).unwrap();
    assert_eq!(kid(&ring), kid(&real));
}

#[test]
fn rings_are_ephemeral_only_when_asked_for() {
    let directory = directory();
    let file = KeyRing::open(ring_in(directory.path())).unwrap();
    let ephemeral = KeyRing::ephemeral().unwrap();
    assert!(ephemeral.is_ephemeral() && !file.is_ephemeral());
    assert!(!ephemeral.refresh().unwrap());
    assert_ne!(kid(&ephemeral), kid(&KeyRing::ephemeral().unwrap()));
}
