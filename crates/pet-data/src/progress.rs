//! Progress reports; the program decides how they are shown.
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

/// The unit of a task's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes of a file or a transfer.
    Bytes,
    /// Images.
    Images,
    /// Steps of any other kind.
    Steps,
}

/// Receives progress reports.
///
/// Tasks are sequential: [`start`](Progress::start), any number of [`advance`](Progress::advance) from
/// any thread, [`finish`](Progress::finish). A failed task is finished as well.
pub trait Progress: Sync {
    /// A task starts, with its name, the total amount (0 if unknown) and its unit.
    fn start(&self, task: &str, total: u64, unit: Unit);

    /// Another `amount` is done; may be called from several threads.
    fn advance(&self, amount: u64);

    /// The task has ended.
    fn finish(&self);

    /// A message for the user, in one line.
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

/// Runs `work` as a task.
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
