//! Stack overflows, which are reported like other faults.

/// Size of the signal handler's stack in bytes.
const STACK_SIZE: usize = 256 << 10;

/// Lets signal handlers of faults run on a separate stack. libFuzzer's handlers, which save the input, keep the flag for this
/// but neither set it nor create the stack.
pub(crate) fn watch() {
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
