//! Image quality and duplicates.
//!
//! ```
//! use pet_data::picture::{Flaw, Picture};
//! use pet_image::{Format, Limits, RgbImage, encode_rgb};
//!
//! let grey = encode_rgb(&RgbImage::from_pixel(400, 300, [90; 3].into()), Format::Png)?;
//! let picture = Picture::of(&grey, &Limits::default())?;
//! assert_eq!(picture.flaws()[0].kind, Flaw::OneColour);
//! # Ok::<(), pet_image::Error>(())
//! ```

mod duplicates;
mod fingerprint;
mod quality;

use pet_image::{Limits, decode};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use duplicates::{Duplicates, NearGroup};
pub use fingerprint::Fingerprint;
pub use quality::{Flaw, FoundFlaw, Measures};

use crate::{Error, Progress, ReadError, Sample, Unit, read_at_most, task};

/// The measurements of one image.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Size, light and sharpness.
    pub measures: Measures,
    /// Its fingerprint; images with the same pixels are identical, even in different files.
    pub fingerprint: Fingerprint,
}

impl Picture {
    /// Decodes and measures an image file.
    ///
    /// # Errors
    ///
    /// As [`pet_image::decode`].
    pub fn of(bytes: &[u8], limits: &Limits) -> Result<Self, pet_image::Error> {
        let image = decode(bytes, limits)?.image;
        let mut hash = Sha256::new();
        hash.update(image.width().to_le_bytes());
        hash.update(image.as_raw());
        Ok(Self {
            measures: Measures::of(&image)?,
            fingerprint: Fingerprint::of_pixels(&image, hash.finalize().into())?,
        })
    }

    /// Its flaws.
    pub fn flaws(&self) -> Vec<FoundFlaw> {
        self.measures.flaws()
    }
}

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
    name: &str,
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
    task(progress, name, samples.len() as u64, Unit::Images, || {
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
