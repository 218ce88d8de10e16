//! Buffers that a thread's connections share, so that one that is idle has none.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static OUTPUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer to read into. It goes back to its thread when it is dropped.
pub(super) struct Scratch(Box<[u8]>);

impl Scratch {
    pub(super) const LENGTH: usize = 64 << 10;

    pub(super) fn take() -> Self {
        let buffer = SCRATCH.take();
        Self(buffer.unwrap_or_else(|| vec![0; Self::LENGTH].into()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.set(Some(std::mem::take(&mut self.0)));
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// An empty buffer to write into.
pub(super) fn take_output() -> Vec<u8> {
    OUTPUT.take()
}

/// Gives a buffer back that has been written.
pub(super) fn return_output(mut buffer: Vec<u8>) {
    const MAX: usize = 1 << 20;
    if buffer.capacity() <= MAX {
        buffer.clear();
        OUTPUT.set(buffer);
    }
}
