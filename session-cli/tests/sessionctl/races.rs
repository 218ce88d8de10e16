//! Many that change one ring at the same time.

use std::process::Stdio;

use session_core::KeyRing;

use crate::process::{command, run};

const PROCESSES: u64 = 64;

#[test]
fn c45_of_many_rotations_at_once_each_that_succeeds_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.toml");
    let shown = path.display().to_string();
    run(["key", "generate", &shown]).done();
    let mut rotating: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let mut command = command();
            command.args(["key", "rotate", &shown, "--now"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    // Whoever reads meanwhile sees an old ring or a new one.
    let mut epoch = 1;
    while rotating
        .iter_mut()
        .any(|child| child.try_wait().unwrap().is_none())
    {
        let seen = KeyRing::open(&path).unwrap().snapshot().epoch();
        assert!(seen >= epoch, "{seen} after {epoch}");
        epoch = seen;
    }
    let mut succeeded = 0;
    for child in rotating {
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        match output.status.success() {
            true => succeeded += 1,
            false => assert!(told.contains("holds the lock"), "{told}"),
        }
    }
    assert!(succeeded > 0);
    let ring = KeyRing::open(&path).unwrap().snapshot();
    assert_eq!(ring.epoch(), 1 + succeeded);
    let keys = ring.keys(session_core::Timestamp::default());
    assert_eq!(keys.len() as u64, 1 + succeeded);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
