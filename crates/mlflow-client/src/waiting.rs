//! Telling a person that a server does not answer.

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

/// What is called, once for each client, when a server has not answered for two seconds. The call comes from a thread of
/// its own.
#[derive(Debug, Clone, Copy)]
pub struct OnWaiting(pub fn(&Waiting));

impl PartialEq for OnWaiting {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

/// Does the work, and tells if it is not done after this time.
#[cfg(feature = "rest")]
pub(crate) fn watch<T>(
    patience: Duration,
    tell: impl FnOnce() + Send,
    work: impl FnOnce() -> T,
) -> T {
    std::thread::scope(|scope| {
        let (working, watched) = channel::<()>();
        scope.spawn(move || {
            if watched.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
        });
        let result = work();
        // The watcher ends when nobody can send any more.
        drop(working);
        result
    })
}

#[cfg(all(test, feature = "rest"))]
mod tests {
    use super::*;

    #[test]
    fn only_long_work_is_told() {
        let (told, heard) = channel();
        let long = || heard.recv().unwrap();
        assert_eq!(
            watch(Duration::ZERO, || told.send("told").unwrap(), long),
            "told"
        );
        let never = || panic!("told of work that was done at once");
        assert_eq!(watch(Duration::from_secs(3600), never, || 5), 5);
    }
}
