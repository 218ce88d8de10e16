//! The settings of a server.

use std::time::Duration;

/// What a server allows. Whatever goes beyond a cap is refused and counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The memory that items, tombstones, control rows, connections, requests and answers on
    /// their way, and waiters may take together, in bytes. Default 1 GiB. At the cap what needs
    /// more is answered 507; nothing is evicted, because that would log somebody out for
    /// somebody else's sake. An eighth is not for items, so that a full server can still be
    /// read. The process takes some MiB more for itself.
    pub max_memory: usize,
    /// The largest body, in bytes. Default 32 MiB. A larger one is answered 413 before anything
    /// of it is read.
    pub max_item: usize,
    /// The largest head of a request, in bytes. Default 16 KiB, at most 60 KiB.
    pub max_head: usize,
    /// The longest target, in bytes. Default 1 KiB.
    pub max_target: usize,
    /// The most headers in a request. Default 64.
    pub max_headers: usize,
    /// The most connections. Default 10,000. Further ones are answered 429 and closed; of those
    /// that come at once, the 129th and further ones are closed without an answer. Each takes
    /// 2 KiB of `max_memory`, and 32 KiB with TLS.
    pub max_connections: usize,
    /// How many requests may wait for one lock. Default 1,000. Further ones are answered 429.
    /// Each takes 2 KiB of `max_memory`, and its connection.
    pub max_waiters_per_key: usize,
    /// How long a request may take to arrive once its first byte is there, an answer to be
    /// taken, and a TLS handshake; where there are tokens, also how long a new connection may
    /// take to show one. Default 10 s.
    pub frame_timeout: Duration,
    /// Whether a PUT with the cookie of a lock that nobody holds any more is answered 423. The
    /// published protocol lets it overwrite. Default no; requests of the extended protocol are
    /// always treated so.
    pub strict: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_memory: 1 << 30,
            max_item: 32 << 20,
            max_head: 16 << 10,
            max_target: 1 << 10,
            max_headers: 64,
            max_connections: 10_000,
            max_waiters_per_key: 1_000,
            frame_timeout: Duration::from_secs(10),
            strict: false,
        }
    }
}
