//! What happened in the farm, for people.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

const MOST: usize = 8;

/// The last things that happened, newest first.
#[derive(Debug)]
pub(super) struct Events {
    start: Instant,
    list: Mutex<VecDeque<Event>>,
}

/// Something that happened, so many seconds after the farm's start.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Event {
    pub(super) seconds: u64,
    pub(super) text: String,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            list: Mutex::default(),
        }
    }

    pub(super) fn note(&self, text: String) {
        let seconds = self.start.elapsed().as_secs();
        let mut list = self.list.lock();
        list.push_front(Event { seconds, text });
        list.truncate(MOST);
    }

    pub(super) fn list(&self) -> Vec<Event> {
        self.list.lock().iter().cloned().collect()
    }
}
