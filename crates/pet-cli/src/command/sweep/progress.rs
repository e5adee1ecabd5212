//! One bar for all trials.

use std::sync::atomic::{AtomicU64, Ordering};

use pet_data::{Progress, Unit};

/// Counts the images of each trial for the bar of the whole sweep, and is silent about the rest.
pub(super) struct Whole<'a> {
    bar: &'a dyn Progress,
    /// Images of the current trial that are still to come.
    left: AtomicU64,
}

impl<'a> Whole<'a> {
    pub(super) fn new(bar: &'a dyn Progress) -> Self {
        let left = AtomicU64::new(0);
        Self { bar, left }
    }

    /// A trial begins that will need this many images.
    pub(super) fn begin(&self, images: u64) {
        self.left.store(images, Ordering::Relaxed);
    }

    /// It has ended, perhaps early: what it did not need is done as well.
    pub(super) fn end(&self) {
        self.bar.advance(self.left.swap(0, Ordering::Relaxed));
    }
}

impl Progress for Whole<'_> {
    fn start(&self, _task: &str, _total: u64, _unit: Unit) {}

    fn advance(&self, amount: u64) {
        let less = |left: u64| Some(left.saturating_sub(amount));
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.bar.advance(amount.min(before.unwrap_or_default()));
    }

    fn finish(&self) {}

    fn message(&self, _text: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Progress for Counter {
        fn start(&self, _task: &str, _total: u64, _unit: Unit) {}
        fn advance(&self, amount: u64) {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
        fn finish(&self) {}
        fn message(&self, _text: &str) {}
    }

    #[test]
    fn a_trial_counts_in_full_however_early_it_ends() {
        let counter = Counter::default();
        let whole = Whole::new(&counter);
        for (planned, seen) in [(30, vec![10, 10, 10]), (30, vec![10]), (10, vec![8, 8])] {
            whole.begin(planned);
            for amount in seen {
                whole.advance(amount);
            }
            whole.end();
        }
        assert_eq!(counter.0.into_inner(), 70);
    }
}
