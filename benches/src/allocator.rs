//! Counts what the calling thread takes from the heap. The only unsafe code here.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Off while time is taken.
static COUNTS: AtomicBool = AtomicBool::new(false);

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Counts from here on, or stops to.
pub fn count(on: bool) {
    COUNTS.store(on, Ordering::Relaxed);
}

/// Allocations of this thread so far; growing one in place or by moving it is one more.
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Bytes that this thread asked for and has not given back, without the allocator's own padding.
pub fn live_bytes() -> i64 {
    LIVE_BYTES.get()
}

struct Counting;

impl Counting {
    fn note(allocations: u64, bytes: i64) {
        if COUNTS.load(Ordering::Relaxed) {
            ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
            LIVE_BYTES.set(LIVE_BYTES.get() + bytes);
        }
    }
}

// SAFETY: every method hands its arguments on to `System` unchanged and returns what it returned.
// The counters are thread-locals without lazy initialisation or destructor, so touching them
// neither allocates nor fails.
#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(1, layout.size() as i64);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(1, layout.size() as i64);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::note(1, new_size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::note(0, -(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}
