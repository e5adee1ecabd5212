//! An allocator that limits memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static COUNTED: Counted = Counted;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Aborts the process when it holds more bytes than this at once.
pub(crate) fn limit(bytes: usize) {
    LIMIT.store(bytes, Relaxed);
}

/// Runs `work`, and returns the peak of the bytes held meanwhile by all threads, above those held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    (done, PEAK.load(Relaxed).saturating_sub(before))
}

/// The system's allocator, with a count.
struct Counted;

impl Counted {
    fn take(&self, bytes: usize) {
        let held = HELD.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(held, Relaxed);
        if held > LIMIT.load(Relaxed) {
            // The message allocates as well.
            LIMIT.store(usize::MAX, Relaxed);
            eprintln!("{held} bytes of memory are held at once, the last {bytes} in one piece");
            std::process::abort();
        }
    }
}

// SAFETY: all calls are forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Large allocations are remapped, so the old and the new one do not exist at once.
        HELD.fetch_sub(layout.size(), Relaxed);
        self.take(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
