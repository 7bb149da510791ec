//! Counts allocations. One thread measures; so loads and stores are enough.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does the work; counting touches nothing of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.store(LIVE.load(Relaxed).wrapping_add(layout.size()), Relaxed);
        CALLS.store(CALLS.load(Relaxed).wrapping_add(1), Relaxed);
        // SAFETY: what the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.store(LIVE.load(Relaxed).wrapping_sub(layout.size()), Relaxed);
        // SAFETY: what the caller promised us.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.store(LIVE.load(Relaxed).wrapping_add(size).wrapping_sub(layout.size()), Relaxed);
        CALLS.store(CALLS.load(Relaxed).wrapping_add(1), Relaxed);
        // SAFETY: what the caller promised us.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Octets that are allocated now.
pub fn live() -> usize {
    LIVE.load(Relaxed)
}

/// How often something was allocated, or grew.
pub fn calls() -> usize {
    CALLS.load(Relaxed)
}
