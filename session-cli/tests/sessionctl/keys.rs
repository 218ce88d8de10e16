//! The commands on keys.

use std::fs;

use serde_json::Value;
use session_core::{KeyRing, MachineKey};
use tempfile::TempDir;

use crate::process::{Run, run, run_with};

/// A ring file.
struct Ring {
    _folder: TempDir,
    path: String,
}

impl Ring {
    fn new() -> Self {
        let ring = Self::absent();
        ring.key("generate", &[]).done();
        ring
    }

    fn absent() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml").display().to_string();
        Self {
            _folder: folder,
            path,
        }
    }

    fn key(&self, verb: &str, arguments: &[&str]) -> Run {
        let before = ["key", verb, self.path.as_str()];
        run(before.iter().chain(arguments))
    }

    fn json(&self, verb: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        self.key(verb, &arguments).done().json()
    }

    fn kids(&self, state: &str) -> Vec<String> {
        let shown = self.json("show", &[]);
        let keys = shown["keys"].as_array().unwrap().clone();
        let of_state = keys.into_iter().filter(|key| key["state"] == state);
        let kids = of_state.map(|key| key["kid"].as_str().unwrap().to_owned());
        kids.collect()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }
}

fn token() -> String {
    let made = run(["key", "new"]).done();
    assert!(made.err.contains("secret"), "{made:?}");
    made.out.trim().to_owned()
}

#[test]
fn a_ring_is_generated_once() {
    let ring = Ring::absent();
    let made = ring.json("generate", &["--longest-lifetime", "30d"]);
    assert_eq!(made["done"], "generated");
    assert_eq!(made["epoch"], 1);
    assert_eq!(made["longest_lifetime_seconds"], 30 * 24 * 60 * 60);
    assert_eq!(made["keys"][0]["kid"], made["kid"]);
    assert_eq!(made["keys"][0]["state"], "active");
    let before = ring.bytes();
    let told = ring.key("generate", &[]).failed();
    assert!(
        told.contains("left alone") && told.contains(&ring.path),
        "{told}"
    );
    assert_eq!(ring.bytes(), before);
    KeyRing::open(&ring.path).unwrap();
}

#[test]
fn rotation_overlaps_and_an_emergency_does_not_wait() {
    let ring = Ring::new();
    let first = ring.kids("active");
    let added = ring.json("rotate", &[]);
    assert_eq!(
        (&added["done"], &added["epoch"]),
        (&"added".into(), &2.into())
    );
    assert_eq!(ring.kids("active"), first);
    assert_eq!(ring.kids("pending"), [added["kid"].as_str().unwrap()]);
    let at_once = ring.json("rotate", &["--now"]);
    // The second in which the first key began may not be over yet.
    let kid = at_once["kid"].as_str().unwrap();
    let snapshot = KeyRing::open(&ring.path).unwrap().snapshot();
    let soon = session_core::Timestamp::from_millis(i64::MAX / 2);
    assert_eq!(snapshot.epoch(), 3);
    assert_eq!(snapshot.keys(soon)[1].kid.to_string(), kid);
    let shown = ring.key("show", &[]).done().out;
    assert!(shown.contains("opens, seals from"), "{shown}");
    assert!(shown.contains("epoch 3"), "{shown}");
}

#[test]
fn a_key_hands_over_early() {
    let ring = Ring::new();
    let first = ring.kids("active").remove(0);
    let told = ring.key("retire", &[&first]).failed();
    assert!(told.contains("rotate the ring first"), "{told}");
    ring.key("rotate", &[]).done();
    let next = ring.kids("pending").remove(0);
    let retired = ring.json("retire", &[&first]);
    assert_eq!(retired["done"], "retired");
    assert_eq!(retired["epoch"], 3);
    let begin = retired["keys"][1]["not_before"].as_str().unwrap();
    assert!(begin < "9999" && retired["keys"][1]["kid"] == next);
    let told = ring.key("retire", &["0123456789abcdef"]).failed();
    assert!(told.contains("not in the ring"), "{told}");
}

#[test]
fn s25_a_revoked_key_is_gone_but_for_its_id() {
    let ring = Ring::new();
    let first = ring.kids("active").remove(0);
    let exported = ring.key("export-env", &[]).done().out;
    let secret = exported.trim().split_once('=').unwrap().1.to_owned();
    let before = ring.bytes();
    let told = ring.key("revoke", &[&first]).failed();
    assert!(told.contains("--and-rotate"), "{told}");
    assert_eq!(ring.bytes(), before);
    let revoked = ring.json("revoke", &[&first, "--and-rotate"]);
    assert_eq!(
        (&revoked["done"], &revoked["epoch"]),
        (&"revoked".into(), &2.into())
    );
    assert_eq!(ring.kids("revoked"), [first.as_str()]);
    assert_eq!(ring.kids("active").len(), 1);
    assert!(!fs::read_to_string(&ring.path).unwrap().contains(&secret));
    let told = run_with(["key", "add", &ring.path], &secret).failed();
    assert!(told.contains("cannot come back"), "{told}");
}

#[test]
fn a_token_from_elsewhere_joins_those_that_open() {
    let ring = Ring::new();
    let token = token();
    let kid = MachineKey::parse(&token).unwrap().kid().to_string();
    run_with(["key", "add", &ring.path], &format!("{token}\n")).done();
    assert_eq!(ring.kids("retired"), [kid.as_str()]);
    let told = run_with(["key", "add", &ring.path], &token).failed();
    assert!(told.contains("already"), "{told}");
    assert!(!told.contains(&token));
    let told = ring.key("add", &[]).failed();
    assert!(told.contains("standard input"), "{told}");
    let told = run_with(["key", "add", &ring.path], "sk1_short").failed();
    assert!(
        told.contains("key token") && !told.contains("sk1_short"),
        "{told}"
    );
    let other = crate::keys::token();
    let arguments = ["key", "add", &ring.path, "--seal-after", "2h"];
    run_with(arguments, &other).done();
    let kid = MachineKey::parse(&other).unwrap().kid().to_string();
    assert_eq!(ring.kids("pending"), [kid]);
}

#[test]
fn the_environment_form_is_the_same_ring() {
    let ring = Ring::new();
    ring.key("rotate", &[]).done();
    let exported = ring.key("export-env", &[]).done();
    assert!(exported.err.contains("secret"), "{}", exported.err);
    let value = exported
        .out
        .trim()
        .strip_prefix("SESSION_MACHINE_KEY=")
        .unwrap();
    let taken = KeyRing::from_tokens(value.split(',')).unwrap();
    let now = session_core::Timestamp::default();
    let sealing = taken.snapshot().sealing_kid(now).to_string();
    assert_eq!(ring.kids("active"), [sealing]);
    assert_eq!(value.split(',').count(), 2);
}

#[test]
fn s29_only_the_commands_that_say_so_print_secrets() {
    let ring = Ring::new();
    for (verb, arguments) in [
        ("show", &[][..]),
        ("check", &[]),
        ("rotate", &["--now"]),
        ("show", &["--json"]),
        ("rotate", &["--json"]),
    ] {
        let run = ring.key(verb, arguments).done();
        assert!(!format!("{run:?}").contains("sk1_"), "{verb}");
    }
}

#[test]
fn c46_what_is_wrong_is_told_with_the_fix() {
    let ring = Ring::absent();
    let told = ring.key("check", &[]).failed();
    assert!(told.contains("does not exist"), "{told}");
    assert!(!fs::exists(&ring.path).unwrap());
    fs::write(&ring.path, "version = 1\n").unwrap();
    private(&ring.path, 0o600);
    let told = ring.key("rotate", &[]).failed();
    assert!(told.contains("[check]"), "{told}");
    assert_eq!(ring.bytes(), b"version = 1\n");
    let failed = ring.key("show", &["--json"]);
    assert_eq!(failed.status, 1);
    assert!(failed.json()["error"].as_str().unwrap().contains("[check]"));
    assert_eq!(run(["key", "retire", &ring.path, "xyz"]).status, 2);
}

fn private(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn c46_who_may_read_the_ring_stays_as_it_was() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let ring = Ring::new();
    let access = || {
        let metadata = fs::metadata(&ring.path).unwrap();
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    };
    assert_eq!(access().0, 0o600);
    // Root may give it to a group, which must then still be able to read it.
    let modes: &[u32] = match chown(&ring.path, None, Some(65534)) {
        Ok(()) => &[0o600, 0o400, 0o640, 0o440],
        Err(_) => &[0o600, 0o400],
    };
    for mode in modes {
        private(&ring.path, *mode);
        let before = access();
        ring.key("rotate", &["--now"]).done();
        assert_eq!(access(), before);
    }
    private(&ring.path, 0o644);
    let before = ring.bytes();
    let told = ring.key("rotate", &[]).failed();
    assert!(told.contains("chmod"), "{told}");
    assert_eq!(ring.bytes(), before);
}
