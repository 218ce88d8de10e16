//! A client in another language walks through the protocol.

use std::process::Command;

use tempfile::TempDir;

use crate::process::Daemon;

#[test]
fn a_client_in_python() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("socket");
    let daemon = Daemon::start(&["--listen-unix", socket.to_str().unwrap()]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent/client.py");
    for place in &daemon.places {
        let ran = Command::new("python3").arg(script).arg(place).output();
        let ran = ran.unwrap_or_else(|error| {
            panic!("this test needs python3 (Debian: apt-get install python3): {error}")
        });
        let said = String::from_utf8_lossy(&ran.stdout);
        let complained = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{place}: {said}{complained}");
        assert!(said.contains("lock: 8 clients counted to 200"), "{said}");
    }
}
