//! The connections that are open.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::items::{Full, Purpose};
use super::refusal::Refusal;
use super::room::Room;
use super::state::State;

/// How the tasks of the open connections are woken when they are to end.
#[derive(Default)]
pub(crate) struct Connections(Mutex<HashMap<u64, Waker>>);

impl Connections {
    pub(crate) fn wake(&self) {
        let wakers: Vec<Waker> = self.0.lock().values().cloned().collect();
        wakers.iter().for_each(Waker::wake_by_ref);
    }
}

/// A connection that is counted, and whose memory is, as long as this lives.
pub(super) struct Open {
    state: Arc<State>,
    number: u64,
    is_turned_away: bool,
    _room: Option<Room>,
}

/// What becomes of a connection that has come.
pub(super) enum Entry {
    Served(Open),
    /// It gets an answer and no more.
    TurnedAway(Open, Refusal),
    /// Not even that, there are too many of those.
    Dropped,
}

impl Open {
    /// How many connections beyond the cap get an answer at a time.
    const MAX_TURNED_AWAY: u64 = 128;

    /// Counts a connection that takes `bytes` of memory.
    pub(super) fn enter(state: &Arc<State>, bytes: usize) -> Entry {
        let metrics = &state.metrics;
        let number = metrics.connections_total.add();
        let count = metrics.connections.add();
        let mut open = Self {
            state: Arc::clone(state),
            number,
            is_turned_away: false,
            _room: None,
        };
        let max = state.limits.max_connections as u64;
        let refusal = match Room::take(state, Purpose::Connections, bytes) {
            _ if count > max => Refusal::Connections,
            Err(Full) => Refusal::Memory,
            Ok(room) => {
                open._room = Some(room);
                return Entry::Served(open);
            }
        };
        if metrics.turned_away.add() > Self::MAX_TURNED_AWAY {
            metrics.turned_away.subtract();
            metrics.refused(refusal);
            return Entry::Dropped;
        }
        open.is_turned_away = true;
        Entry::TurnedAway(open, refusal)
    }

    /// Lets the task that asks be woken when the server closes.
    pub(super) async fn register(&self) {
        std::future::poll_fn(|context| {
            let mut wakers = self.state.connections.0.lock();
            wakers.insert(self.number, context.waker().clone());
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.connections.0.lock().remove(&self.number);
        self.state.metrics.connections.subtract();
        if self.is_turned_away {
            self.state.metrics.turned_away.subtract();
        }
    }
}
