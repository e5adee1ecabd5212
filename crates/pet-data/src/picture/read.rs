//! Measuring many images in parallel.

use pet_image::Limits;
use rayon::prelude::*;

use super::{Fingerprint, Picture};
use crate::{Error, Progress, ReadError, Sample, Unit, read_at_most};

/// The result for each sample.
type Read<T> = Vec<Result<T, ReadError>>;

/// Measures every image, in the order of `samples`. `stop` is called before each and interrupts the work.
///
/// # Errors
///
/// [`Error::Interrupted`] once `stop` returns `true`.
pub fn inspect(
    samples: &[&Sample],
    limits: &Limits,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Read<Picture>, Error> {
    read_each("check images", samples, limits, progress, stop, |bytes| Picture::of(bytes, limits))
}

/// The fingerprint of every image, in the order of `samples`; much faster than [`inspect`].
///
/// # Errors
///
/// [`Error::Interrupted`] once `stop` returns `true`.
pub fn fingerprints(
    samples: &[&Sample],
    limits: &Limits,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Read<Fingerprint>, Error> {
    read_each("fingerprints", samples, limits, progress, stop, |bytes| {
        Fingerprint::of_file(bytes, limits)
    })
}

/// Applies `work` to every file within the limit, in parallel; the results are in the order of `samples`.
fn read_each<T: Send>(
    task: &str,
    samples: &[&Sample],
    limits: &Limits,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> bool + Sync),
    work: impl Fn(&[u8]) -> Result<T, pet_image::Error> + Sync,
) -> Result<Read<T>, Error> {
    let one = |sample: &&Sample| {
        if stop() {
            return Err(Error::Interrupted);
        }
        let bytes = read_at_most(&sample.path, limits.bytes).map_err(ReadError::from);
        let done = bytes.and_then(|bytes| Ok(work(&bytes)?));
        progress.advance(1);
        Ok(done)
    };
    crate::progress::task(progress, task, samples.len() as u64, Unit::Images, || {
        samples.par_iter().map(one).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Progress for Counter {
        fn start(&self, _task: &str, total: u64, unit: Unit) {
            assert_eq!((total, unit), (3, Unit::Images));
        }
        fn advance(&self, amount: u64) {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
        fn finish(&self) {
            self.0.fetch_add(100, Ordering::Relaxed);
        }
        fn message(&self, _text: &str) {}
    }

    #[test]
    fn files_are_read_in_order_up_to_the_limit() {
        let root = tempfile::tempdir().unwrap();
        for (file, size) in [("small.png", 7), ("large.png", 5000)] {
            fs_err::write(root.path().join(file), vec![0; size]).unwrap();
        }
        let sample = |file: &str| {
            let path = root.path().join(file);
            Sample { path, class: 0 }
        };
        let samples = ["small.png", "gone.png", "large.png"].map(sample);
        let samples: Vec<&Sample> = samples.iter().collect();
        let (limits, counter) = (Limits::default().with_bytes(1000), Counter::default());
        let read = |stop: bool| {
            read_each("read", &samples, &limits, &counter, &|| stop, |bytes| Ok(bytes.len()))
        };
        let lengths = read(false).unwrap();
        let lengths = lengths.iter().map(|one| one.as_ref().map_err(ReadError::reason));
        let gone = "file not found".to_owned();
        assert_eq!(lengths.collect::<Vec<_>>(), [Ok(&7), Err(gone), Ok(&1001)]);
        assert_eq!(counter.0.load(Ordering::Relaxed), 103);
        assert!(matches!(read(true), Err(Error::Interrupted)));
    }
}
