//! Ring files that tests write, around the time at which the manual clock starts.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use session_core::testing::ManualClock;
use session_core::{KeyRing, KeyRingOptions, MachineKey};
use tempfile::TempDir;

/// Before the manual clock's start, 2001-09-09T01:46:40Z.
pub(crate) const FIRST: &str = "2001-09-01T00:00:00Z";
pub(crate) const SECOND_KEY: &str = "2001-09-08T00:00:00Z";
pub(crate) const END: &str = "2001-12-31T00:00:00Z";

/// A ring file that a test rewrites.
pub(crate) struct RingFile {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn live(key: &MachineKey, not_before: &str, open_until: Option<&str>) -> String {
    let mut table = format!("\n[[key]]\nkid = \"{}\"\ncreated = {FIRST}\n", key.kid());
    writeln!(table, "not_before = {not_before}").unwrap();
    if let Some(end) = open_until {
        writeln!(table, "open_until = {end}").unwrap();
    }
    writeln!(table, "secret = \"{}\"", key.to_text().as_str()).unwrap();
    table
}

pub(crate) fn revoked(key: &MachineKey) -> String {
    format!(
        "\n[[key]]\nkid = \"{}\"\nrevoked = {SECOND_KEY}\n",
        key.kid()
    )
}

impl RingFile {
    pub(crate) fn new(keys: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml");
        let file = Self {
            _folder: folder,
            path,
        };
        file.write(1, keys);
        file
    }

    pub(crate) fn write(&self, epoch: u64, keys: &[String]) {
        let keys = keys.concat();
        let body = format!("version = 1\nepoch = {epoch}\nlongest_lifetime = \"90d\"\n{keys}\n");
        let mut check = String::new();
        for byte in digest(&SHA256, body.as_bytes()).as_ref() {
            write!(check, "{byte:02x}").unwrap();
        }
        let text = format!("{body}[check]\nsha256 = \"{check}\"\n");
        fs::write(&self.path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    pub(crate) fn open(&self) -> KeyRing {
        let clock = Arc::new(ManualClock::default());
        KeyRingOptions::new().clock(clock).open(&self.path).unwrap()
    }
}

pub(crate) fn two_keys() -> (MachineKey, MachineKey) {
    let key = || MachineKey::generate().unwrap();
    (key(), key())
}

pub(crate) fn rotated(old: &MachineKey, new: &MachineKey) -> [String; 2] {
    [live(old, FIRST, Some(END)), live(new, SECOND_KEY, None)]
}
