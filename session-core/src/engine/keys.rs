//! What the engine derives from the key ring, kept until the ring changes.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::config::SessionConfig;
use crate::machine_key::{Carrier, FingerprintKeys, KeyRing, Ring, Sealer, TokenKeys};

/// The engine's own keys, derived from one state of the ring.
#[derive(Debug)]
pub(super) struct SessionKeys {
    generation: u64,
    pub(super) cookie: Option<TokenKeys>,
    pub(super) header: Option<TokenKeys>,
    pub(super) records: Sealer,
    pub(super) labels: Sealer,
    pub(super) fingerprints: FingerprintKeys,
}

impl SessionKeys {
    fn derive(ring: &Ring, generation: u64, config: &SessionConfig) -> Self {
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
            fingerprints: FingerprintKeys::derive(ring, app),
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
    pub(super) fn new(ring: KeyRing, config: &SessionConfig) -> Self {
        let generation = ring.generation();
        let keys = SessionKeys::derive(&ring.snapshot(), generation, config);
        let current = ArcSwap::from_pointee(keys);
        Self { ring, current }
    }

    pub(super) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The keys in force; derived anew if the ring has changed.
    pub(super) fn load(&self, config: &SessionConfig) -> Guard<Arc<SessionKeys>> {
        let keys = self.current.load();
        let generation = self.ring.generation();
        if keys.generation == generation {
            return keys;
        }
        let fresh = SessionKeys::derive(&self.ring.snapshot(), generation, config);
        self.current.store(Arc::new(fresh));
        self.current.load()
    }
}
