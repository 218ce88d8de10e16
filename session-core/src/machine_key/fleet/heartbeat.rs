//! [`Heartbeat`]: an instance says that it is there, and which keys it has.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::machine_key::dates::format_date;
use crate::machine_key::key::Kid;
use crate::machine_key::ring::Ring;

/// The name of the control row in which an instance says now and then that it is there: a JSON
/// object with its name, host, process, keys, version and the time.
#[must_use]
pub fn instance_row(app: &str, instance: &str) -> String {
    format!("instance/{app}/{instance}")
}

/// What an instance says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat<'a> {
    pub(crate) instance: &'a str,
    pub(crate) host: &'a str,
    pub(crate) ring: &'a Ring,
    pub(crate) now: Timestamp,
}

#[derive(Serialize)]
struct Text<'a> {
    instance: &'a str,
    host: &'a str,
    pid: u32,
    epoch: u64,
    sealing: String,
    kids: Vec<String>,
    version: &'static str,
    time: String,
}

impl Heartbeat<'_> {
    /// The row as the store keeps it: a JSON object.
    pub(crate) fn render(&self) -> Vec<u8> {
        let Self {
            instance,
            host,
            ring,
            now,
        } = *self;
        let opens = |kid: &Kid| ring.check_opening(*kid, now).is_ok();
        let kids = ring.live().map(|key| key.kid).filter(opens);
        let text = Text {
            instance,
            host,
            pid: std::process::id(),
            epoch: ring.epoch(),
            sealing: ring.sealing_kid(now).to_string(),
            kids: kids.map(|kid| kid.to_string()).collect(),
            version: env!("CARGO_PKG_VERSION"),
            time: format_date(now),
        };
        // Strings and numbers under names that are text: there is nothing that could fail.
        serde_json::to_vec(&text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Heartbeat;
    use crate::clock::Timestamp;
    use crate::machine_key::KeyRing;

    #[test]
    fn an_instance_tells_its_name_its_keys_and_no_secret() {
        let ring = KeyRing::ephemeral().unwrap().snapshot();
        let now = Timestamp::from_millis(1_700_000_000_000);
        let heartbeat = Heartbeat {
            instance: "web1",
            host: "host",
            ring: &ring,
            now,
        };
        let told: Value = serde_json::from_slice(&heartbeat.render()).unwrap();
        let kid = ring.sealing_kid(now).to_string();
        let expected = json!({
            "instance": "web1",
            "host": "host",
            "pid": std::process::id(),
            "epoch": 0,
            "sealing": kid,
            "kids": [kid],
            "version": env!("CARGO_PKG_VERSION"),
            "time": "2023-11-14T22:13:20Z",
        });
        assert_eq!(told, expected);
    }
}
