//! What the engine derives from the key ring, kept until the ring changes.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::clock::Timestamp;
use crate::config::SessionConfig;
use crate::machine_key::{Carrier, FingerprintKey, KeyRing, Ring, Sealer, TokenKeys};

/// The engine's own keys, derived from one state of the ring.
#[derive(Debug)]
pub(super) struct SessionKeys {
    generation: u64,
    pub(super) cookie: Option<TokenKeys>,
    pub(super) header: Option<TokenKeys>,
    pub(super) records: Sealer,
    pub(super) labels: Sealer,
    pub(super) fingerprints: FingerprintKey,
}

impl SessionKeys {
    fn derive(ring: &Ring, generation: u64, config: &SessionConfig, now: Timestamp) -> Self {
        let app = config.app();
        let transports = config.transports();
        let cookie = transports
            .cookie()
            .map(|cookie| Carrier::Cookie(cookie.name()));
        let header = transports
            .header()
            .map(|header| Carrier::Header(header.name()));
        Self {
            generation,
            cookie: cookie.map(|carrier| TokenKeys::derive(ring, app, carrier)),
            header: header.map(|carrier| TokenKeys::derive(ring, app, carrier)),
            records: Sealer::derive(ring, app, &["session record"]),
            labels: Sealer::derive(ring, app, &["session labels"]),
            fingerprints: FingerprintKey::derive(ring, app, now),
        }
    }
}

/// The keys of the ring's current state.
#[derive(Debug)]
pub(super) struct KeyCache {
    ring: KeyRing,
    current: ArcSwap<SessionKeys>,
}

impl KeyCache {
    pub(super) fn new(ring: KeyRing, config: &SessionConfig, now: Timestamp) -> Self {
        let generation = ring.generation();
        let keys = SessionKeys::derive(&ring.snapshot(), generation, config, now);
        let current = ArcSwap::from_pointee(keys);
        Self { ring, current }
    }

    pub(super) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The keys in force; derived anew if the ring has changed.
    pub(super) fn load(&self, config: &SessionConfig, now: Timestamp) -> Guard<Arc<SessionKeys>> {
        let keys = self.current.load();
        let generation = self.ring.generation();
        if keys.generation == generation {
            return keys;
        }
        let fresh = SessionKeys::derive(&self.ring.snapshot(), generation, config, now);
        self.current.store(Arc::new(fresh));
        self.current.load()
    }
}
