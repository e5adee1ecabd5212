use std::io::Read as _;
use std::path::Path;

use pet_image::{Limits, decode};
use rayon::prelude::*;

use crate::{Dataset, Error, Progress, ReadError, Sample, Unit, UnreadableImage};

/// The result for each sample.
pub(crate) type Read<T> = Vec<Result<T, ReadError>>;

impl Dataset {
    /// Decodes every image in parallel, and reports all unreadable ones at once.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableImages`] with every image that cannot be read or decoded within
    /// `limits`, in the data set's order.
    pub fn check(&self, limits: &Limits, progress: &dyn Progress) -> Result<(), Error> {
        let samples: Vec<&Sample> = self.samples().collect();
        let total = samples.len();
        // Drops the pixels, which would fill the memory.
        let check = |bytes: &[u8]| decode(bytes, limits).map(|_| ());
        let never = || false;
        let checked = read_each("check images", &samples, limits, progress, &never, check)?;
        let unreadable = samples.into_iter().zip(checked);
        let unreadable = unreadable.filter_map(|(sample, checked)| {
            let (path, reason) = (sample.path.clone(), checked.err()?.reason());
            Some(UnreadableImage { path, reason })
        });
        let images: Vec<UnreadableImage> = unreadable.collect();
        if images.is_empty() {
            return Ok(());
        }
        Err(Error::UnreadableImages { total, images })
    }
}

/// Applies `work` to every file within the limit, in parallel; the results are in the order of `samples`.
pub(crate) fn read_each<T: Send>(
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

/// Reads a file, but at most one byte more than `limit`: enough for the caller to reject it.
///
/// # Errors
///
/// That of the operating system, with the path.
pub fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use pet_image::{Format, RgbImage};
    use tempfile::TempDir;

    use super::*;
    use crate::Silent;

    fn png() -> Vec<u8> {
        pet_image::encode_rgb(&RgbImage::new(4, 3), Format::Png).unwrap()
    }

    fn data_set(files: &[(&str, &[u8])]) -> (TempDir, Dataset) {
        let root = tempfile::tempdir().unwrap();
        for (file, bytes) in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
        let dataset = crate::folder::load(root.path()).unwrap();
        (root, dataset)
    }

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Progress for Counter {
        fn start(&self, _task: &str, total: u64, unit: Unit) {
            assert_eq!((total, unit), (2, Unit::Images));
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
    fn readable_images_pass_whatever_their_name_says() {
        let (_root, dataset) = data_set(&[("Cat/1.png", &png()), ("Dog/1.jpg", &png())]);
        let counter = Counter::default();
        dataset.check(&Limits::default(), &counter).unwrap();
        assert_eq!(counter.0.into_inner(), 102);
    }

    #[test]
    fn unreadable_images_are_reported_all_at_once() {
        let cut = &png()[..20];
        let (_root, dataset) = data_set(&[
            ("Cat/1.png", &png()),
            ("Cat/empty.jpg", b""),
            ("Dog/cut.png", cut),
            ("Dog/text.jpg", b"hello, this is no image"),
        ]);
        let error = dataset.check(&Limits::default(), &Silent).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("3 of 4 images are unreadable: `"),
            "{text}"
        );
        for name in ["empty.jpg", "cut.png", "text.jpg"] {
            assert!(text.contains(&format!("{name}` (")), "{text}");
        }
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_file_over_the_limit_is_not_read_whole() {
        let (_root, dataset) = data_set(&[("Cat/1.png", &png()), ("Dog/1.png", &[0; 5000])]);
        let limits = Limits::default().with_bytes(1000);
        let error = dataset.check(&limits, &Silent).unwrap_err();
        let Error::UnreadableImages { images, .. } = error else {
            panic!("{error}")
        };
        assert!(images[0].reason.contains("1000"), "{}", images[0].reason);
    }

    #[test]
    fn an_image_that_is_gone_is_unreadable() {
        let (root, dataset) = data_set(&[("Cat/1.png", &png()), ("Dog/1.png", &png())]);
        fs_err::remove_file(root.path().join("Dog/1.png")).unwrap();
        let error = dataset.check(&Limits::default(), &Silent).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("1.png` (file not found)"), "{text}");
    }
}
