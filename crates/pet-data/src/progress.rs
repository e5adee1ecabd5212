//! How libraries report how far they are; the binary decides what is shown.
//!
//! ```
//! use pet_data::{Progress, Silent, Unit, task};
//!
//! fn add(numbers: &[u64], progress: &dyn Progress) -> u64 {
//!     task(progress, "adding", numbers.len() as u64, Unit::Steps, || {
//!         numbers.iter().inspect(|_| progress.advance(1)).sum()
//!     })
//! }
//!
//! assert_eq!(add(&[1, 2, 3], &Silent), 6);
//! ```

/// What a task counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes of a file or a transfer.
    Bytes,
    /// Whole images.
    Images,
    /// Steps of any other kind.
    Steps,
}

/// Where the libraries report how far they are; the binary decides what is shown.
///
/// Tasks come one after the other: [`start`](Progress::start), any number of
/// [`advance`](Progress::advance) from any thread, [`finish`](Progress::finish). A task that fails
/// is finished as well, wherever it stood.
pub trait Progress: Sync {
    /// A task begins: its name, how much there is to do (0 if that is unknown), and of what.
    fn start(&self, task: &str, total: u64, unit: Unit);

    /// `amount` more is done; may be called from several threads.
    fn advance(&self, amount: u64);

    /// The task is over.
    fn finish(&self);

    /// Something a person may want to read, in one line.
    fn message(&self, text: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _task: &str, _total: u64, _unit: Unit) {}
    fn advance(&self, _amount: u64) {}
    fn finish(&self) {}
    fn message(&self, _text: &str) {}
}

/// Runs `work` as one task, so that it is finished on every way out.
pub fn task<T>(
    progress: &dyn Progress,
    name: &str,
    total: u64,
    unit: Unit,
    work: impl FnOnce() -> T,
) -> T {
    progress.start(name, total, unit);
    let result = work();
    progress.finish();
    result
}
