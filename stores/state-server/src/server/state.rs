//! What all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use session_core::{Clock, Timestamp};
use tokio::sync::Notify;

use super::config::Limits;
use super::http::HeadLimits;
use super::items::{Budget, Control, Index, Key, Keys, Moment, Shard, Tick};
use super::metrics::Metrics;
use super::open::Connections;
use super::persist::{Journal, Writer};
use super::seldom::Seldom;
use super::token::Tokens;

/// What all connections share.
pub(crate) struct State {
    parts: Box<[Part]>,
    pub(crate) keys: Keys,
    pub(crate) index: Index,
    pub(crate) control: Control,
    pub(crate) budget: Budget,
    pub(crate) limits: Limits,
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Metrics,
    pub(crate) seldom: Occasions,
    pub(crate) clock: Arc<dyn Clock>,
    /// The wall-clock time at which the monotonic one was zero, when the server was made.
    epoch: Timestamp,
    /// Writes to the disk, if the sessions are kept on one.
    pub(super) writer: Option<Writer>,
    pub(crate) connections: Connections,
    is_draining: AtomicBool,
    is_closing: AtomicBool,
    drain: Notify,
}

/// Of what the log tells only now and then.
#[derive(Default)]
pub(crate) struct Occasions {
    pub(crate) accept: Seldom,
    pub(crate) handshake: Seldom,
}

/// A shard on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Part(Mutex<Shard>);

impl State {
    const PARTS: usize = 64;
    /// How many due items are looked at before others get the shard.
    const TIDY_STEPS: usize = 256;

    pub(crate) fn new(limits: Limits, tokens: Tokens, clock: Arc<dyn Clock>) -> Self {
        Self {
            parts: (0..Self::PARTS).map(|_| Part::default()).collect(),
            keys: Keys::default(),
            index: Index::default(),
            control: Control::default(),
            budget: Budget::new(limits.max_memory),
            limits,
            tokens,
            metrics: Metrics::default(),
            seldom: Occasions::default(),
            epoch: clock.now().saturating_sub(clock.monotonic()),
            clock,
            writer: None,
            connections: Connections::default(),
            is_draining: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            drain: Notify::new(),
        }
    }

    /// Does something in the shard of `key`.
    pub(crate) fn at<R>(&self, key: &Key, act: impl FnOnce(&mut Shard, &Moment<'_>) -> R) -> R {
        self.at_part(self.keys.route(key) % Self::PARTS, act)
    }

    fn at_part<R>(&self, number: usize, act: impl FnOnce(&mut Shard, &Moment<'_>) -> R) -> R {
        let mut shard = self.parts[number].0.lock();
        let moment = Moment {
            now: self.now(),
            epoch: self.epoch,
            index: &self.index,
            budget: &self.budget,
            journal: self.journal(),
        };
        act(&mut shard, &moment)
    }

    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.writer.as_ref().map(Writer::journal)
    }

    pub(crate) fn now(&self) -> Tick {
        Tick::of(&*self.clock)
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.now().wall(self.epoch)
    }

    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            head: self.limits.max_head,
            target: self.limits.max_target,
            headers: self.limits.max_headers,
        }
    }

    /// Takes back the memory of everything that has expired.
    pub(crate) fn tidy(&self) {
        for number in 0..Self::PARTS {
            while self.at_part(number, |shard, moment| {
                shard.tidy(moment, Self::TIDY_STEPS) == Self::TIDY_STEPS
            }) {}
            self.at_part(number, |shard, _| shard.shrink());
        }
    }

    /// Lets the disk know of every touch.
    pub(crate) fn keep_touches(&self) {
        for number in 0..Self::PARTS {
            self.at_part(number, |shard, moment| shard.keep_touches(moment));
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// From now on new requests are refused.
    pub(crate) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
        self.drain.notify_waiters();
    }

    /// Whether connections end when nothing is under way on them.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// From now on connections end when nothing is under way on them.
    pub(crate) fn close_idle(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.connections.wake();
    }

    /// Completes when the drain begins, if it has not begun when this is called.
    pub(crate) fn drain_begins(&self) -> impl Future<Output = ()> {
        self.drain.notified()
    }
}
