//! Heartbeats: each instance says now and then that it is there, and which keys it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::Engine;
use crate::machine_key::{Heartbeat, instance_row};
use crate::record::Revision;
use crate::store::MetaSet;

/// How much of a host's name is used.
const LONGEST_HOST: usize = 48;

/// Under which name this instance is known, and what it has said so far.
#[derive(Debug)]
pub(super) struct Heartbeats {
    instance: String,
    host: String,
    /// Whether the first one is written, or about to be.
    begun: AtomicBool,
    /// The version of the row as it was last written.
    version: Mutex<Option<Revision>>,
}

impl Heartbeats {
    pub(super) fn new(instance: Option<&str>) -> Self {
        let host = legible(&host());
        let default = || format!("{host}-{}", std::process::id());
        Self {
            instance: instance.map_or_else(default, str::to_owned),
            host,
            begun: AtomicBool::new(false),
            version: Mutex::default(),
        }
    }

    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// Whether no heartbeat was written yet, and this caller is to write it.
    pub(super) fn claim_first(&self) -> bool {
        !self.begun.swap(true, Ordering::Relaxed)
    }
}

impl Engine {
    /// Writes this instance's row. One that cannot be written is passed over: the next one is
    /// due in a minute.
    pub(super) async fn beat(&self) {
        let fleet = &self.inner.fleet;
        if !fleet.has_rows() {
            return;
        }
        let heartbeats = &fleet.heartbeats;
        let ring = self.key_ring().snapshot();
        let heartbeat = Heartbeat {
            instance: &heartbeats.instance,
            host: &heartbeats.host,
            ring: &ring,
            now: self.now(),
        };
        let value = Bytes::from(heartbeat.render());
        // A former process of the same name may have left a row of any version.
        for _ in 0..2 {
            let expected = *heartbeats.version.lock();
            let name = instance_row(self.config().app(), &heartbeats.instance);
            let store = Arc::clone(&self.inner.store);
            let writing = store.meta_compare_and_set(name, expected, value.clone());
            let (version, is_written) = match self.ask(writing).await {
                Ok(MetaSet::Written(version)) => (Some(version), true),
                Ok(MetaSet::Conflict(row)) => (row.map(|row| row.version), false),
                Err(error) => return tracing::warn!(%error, "the heartbeat was not written"),
            };
            *heartbeats.version.lock() = version;
            if is_written {
                return;
            }
        }
    }
}

#[cfg(unix)]
fn host() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// The name as far as it can stand in a row's name and on a line of a log.
fn legible(host: &str) -> String {
    let legible = |character: &char| character.is_ascii_graphic() && *character != '/';
    let name: String = host.chars().filter(legible).take(LONGEST_HOST).collect();
    if name.is_empty() {
        "host".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{Heartbeats, legible};

    #[test]
    fn an_instance_is_its_host_and_process_unless_it_has_a_name() {
        let pid = std::process::id().to_string();
        let unnamed = Heartbeats::new(None);
        let (host, number) = unnamed.instance().rsplit_once('-').unwrap();
        assert_eq!((host, number), (unnamed.host.as_str(), pid.as_str()));
        assert_eq!(Heartbeats::new(Some("web1")).instance(), "web1");
    }

    #[test]
    fn a_strange_host_name_becomes_legible() {
        assert_eq!(legible("web/1\n ü.example"), "web1.example");
        assert_eq!(legible("\u{0}"), "host");
        assert_eq!(legible(&"a".repeat(300)).len(), 48);
    }
}
