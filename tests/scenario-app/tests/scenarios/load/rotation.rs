//! [`Rotation`]: whose turn it is.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The instances that a load balancer without stickiness sends requests to, in turn.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    addresses: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

impl Rotation {
    pub(super) fn add(&self, address: SocketAddr) {
        self.addresses.lock().unwrap().push(address);
    }

    pub(super) fn remove(&self, address: SocketAddr) {
        self.addresses
            .lock()
            .unwrap()
            .retain(|other| *other != address);
    }

    pub(super) fn next(&self) -> SocketAddr {
        let addresses = self.addresses.lock().unwrap();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        addresses[turn % addresses.len()]
    }
}
