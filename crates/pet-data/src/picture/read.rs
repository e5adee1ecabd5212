//! The pictures of many samples, read in parallel.

use pet_image::Limits;
use rayon::prelude::*;

use super::{Fingerprint, Picture};
use crate::check::{read, reason};
use crate::{Error, Progress, Sample, Unit};

/// What was read of each sample, or in words why it cannot be.
type Read<T> = Vec<Result<T, String>>;

/// Decodes and measures every picture, in the order of `samples`. `stop` is asked before each and ends the work.
///
/// # Errors
///
/// [`Error::Interrupted`] once `stop` said so.
pub fn inspect(
    samples: &[&Sample],
    limits: &Limits,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Read<Picture>, Error> {
    each("check images", samples, limits, progress, stop, |bytes| {
        Picture::of(bytes, limits)
    })
}

/// The fingerprint of every picture, in the order of `samples`, in a part of the time that [`inspect`] takes.
///
/// # Errors
///
/// [`Error::Interrupted`] once `stop` said so.
pub fn fingerprints(
    samples: &[&Sample],
    limits: &Limits,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Read<Fingerprint>, Error> {
    each("fingerprints", samples, limits, progress, stop, |bytes| {
        Fingerprint::of_file(bytes, limits)
    })
}

fn each<T: Send>(
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
        let bytes = read(&sample.path, limits.bytes).map_err(|error| reason(&error));
        let done = bytes.and_then(|bytes| work(&bytes).map_err(|error| reason(&error)));
        progress.advance(1);
        Ok(done)
    };
    crate::progress::task(progress, task, samples.len() as u64, Unit::Images, || {
        samples.par_iter().map(one).collect()
    })
}
