//! An allocator that limits memory, and stack overflows, which are reported like other faults.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

#[global_allocator]
static COUNTED: Counted = Counted;
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Size of the signal handler's stack in bytes.
const STACK_SIZE: usize = 256 << 10;

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

/// Lets signal handlers of faults run on a separate stack. libFuzzer's handlers, which save the input, keep the flag for this
/// but neither set it nor create the stack.
pub(crate) fn watch_stack() {
    let memory = vec![0_u8; STACK_SIZE].leak();
    let stack =
        libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK_SIZE };
    // SAFETY: the memory is never freed, and the default action needs no handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = libc::SA_ONSTACK;
        assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0);
        }
    }
}
