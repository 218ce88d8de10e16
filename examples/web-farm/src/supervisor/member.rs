//! [`Member`]: an instance as the supervisor sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use crate::instance::Health;

/// Who an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// One of ours, by its number.
    Instance(u16),
    /// The one with a machine key of its own.
    Stranger,
}

/// What a keeper may be told to do with its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Let it answer what it has, end it, and start it again.
    Recycle,
    /// Kill it, as the machine would if it ran out of memory.
    Kill,
    /// Have it read the key ring again at once; it would do so by itself within a minute.
    ReadRing,
    /// End it for good.
    Stop,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    Starting,
    Ready,
    /// Runs, and says that it cannot serve sessions.
    NotReady,
    /// Gets no new requests and answers the ones that it has.
    Draining,
    Down,
    /// Has ended because it is not one of this farm's.
    Refused,
}

/// What is known about an instance.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) phase: Phase,
    pub(super) id: Option<u32>,
    pub(super) address: Option<SocketAddr>,
    pub(super) health: Health,
    /// Why it is not ready, or how it ended.
    pub(super) reason: Option<String>,
}

/// An instance as the supervisor sees it.
#[derive(Debug)]
pub(super) struct Member {
    name: Name,
    seen: Mutex<Seen>,
    in_flight: AtomicUsize,
    orders: UnboundedSender<Order>,
}

impl Member {
    pub(super) fn new(name: Name) -> (Arc<Self>, UnboundedReceiver<Order>) {
        let (orders, received) = unbounded_channel();
        let seen = Seen {
            phase: Phase::Starting,
            id: None,
            address: None,
            health: Health::default(),
            reason: None,
        };
        let member = Self {
            name,
            seen: Mutex::new(seen),
            in_flight: AtomicUsize::new(0),
            orders,
        };
        (Arc::new(member), received)
    }

    pub(super) fn name(&self) -> Name {
        self.name
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// How many requests got in that are not answered yet.
    pub(super) fn under_way(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn order(&self, order: Order) {
        // A keeper that has gone has nothing left to do it with.
        let _ = self.orders.send(order);
    }

    /// Lets a request in, if the instance is in `phase`.
    pub(super) fn admit(self: &Arc<Self>, phase: Phase) -> Option<Admitted> {
        let seen = self.seen.lock();
        let address = seen.address.filter(|_| seen.phase == phase)?;
        // Counted under the lock: whoever changes the phase sees every request that got in.
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Some(Admitted {
            member: Arc::clone(self),
            address,
        })
    }

    /// Waits until the requests that got in are answered, but not for ever.
    pub(super) async fn quiet(&self, patience: Duration) {
        const LOOK: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + patience;
        while self.under_way() > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
    }

    pub(super) fn starts(&self, id: u32) {
        let mut seen = self.seen.lock();
        seen.phase = Phase::Starting;
        seen.id = Some(id);
        seen.address = None;
        seen.health = Health::default();
    }

    pub(super) fn listens(&self, address: SocketAddr) {
        self.seen.lock().address = Some(address);
    }

    pub(super) fn drains(&self) {
        self.seen.lock().phase = Phase::Draining;
    }

    /// The process has ended, for this reason if it was not in order.
    pub(super) fn ended(&self, phase: Phase, reason: Option<String>) {
        let mut seen = self.seen.lock();
        seen.phase = phase;
        seen.id = None;
        seen.address = None;
        seen.health = Health::default();
        seen.reason = reason;
    }

    /// Takes in what a probe has found. Gives whether the instance was not ready before and is
    /// now.
    pub(super) fn probed(&self, health: Health) -> bool {
        let mut seen = self.seen.lock();
        let phase = match health.reason {
            None => Phase::Ready,
            Some(_) => Phase::NotReady,
        };
        let came = phase == Phase::Ready && seen.phase != Phase::Ready;
        seen.phase = phase;
        seen.reason.clone_from(&health.reason);
        seen.health = health;
        came
    }
}

/// A request that an instance is working on, until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    member: Arc<Member>,
    pub(super) address: SocketAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
