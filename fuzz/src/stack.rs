//! A stack that overflows is a fault like others.

/// Bytes for the handler of the fault.
const HANDLER: usize = 256 << 10;

/// Has signals for faults handled on a stack of its own. libFuzzer, which handles them to write down the input, keeps the
/// flag that says so but does not set it, nor makes the stack.
pub(crate) fn watch() {
    let memory = vec![0_u8; HANDLER].leak();
    let stack = libc::stack_t {
        ss_sp: memory.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: HANDLER,
    };
    // SAFETY: the memory is never freed, and the default action needs no handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = libc::SA_ONSTACK;
        assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            assert_eq!(
                libc::sigaction(signal, &raw const action, std::ptr::null_mut()),
                0
            );
        }
    }
}
