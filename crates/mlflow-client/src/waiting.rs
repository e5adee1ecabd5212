//! Reporting that a server is slow to answer.

#[cfg(feature = "rest")]
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A server that has not answered a request for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The server's address.
    pub server: String,
    /// How long there has been no answer.
    pub waited: Duration,
    /// How often the request is sent before it is given up, including the first time.
    pub attempts: u32,
    /// How long each attempt waits for the server.
    pub timeout: Duration,
}

/// A function that is called once per client, from a separate thread, when a server has not answered for two
/// seconds.
#[derive(Debug, Clone, Copy)]
pub struct OnWaiting(pub fn(&Waiting));

impl PartialEq for OnWaiting {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

/// Does the work, and calls `report` if it takes longer than `patience`.
#[cfg(feature = "rest")]
pub(crate) fn watch<T>(
    patience: Duration,
    report: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> T {
    std::thread::scope(|scope| {
        let (working, watched) = channel::<()>();
        scope.spawn(move || {
            if watched.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                report();
            }
        });
        let result = work();
        // A closed channel ends the watcher.
        drop(working);
        result
    })
}

#[cfg(all(test, feature = "rest"))]
mod tests {
    use super::*;

    #[test]
    fn only_long_work_is_reported() {
        let (sender, receiver) = channel();
        let long = || receiver.recv().unwrap();
        assert_eq!(watch(Duration::ZERO, || sender.send("slow").unwrap(), long), "slow");
        let never = || panic!("reported work that was done at once");
        assert_eq!(watch(Duration::from_secs(3600), never, || 5), 5);
    }
}
