//! Measuring many images in parallel.

use pet_image::Limits;

use super::{Fingerprint, Picture};
use crate::check::{Read, read_each};
use crate::{Error, Progress, Sample};

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
    read_each("check images", samples, limits, progress, stop, |bytes| {
        Picture::of(bytes, limits)
    })
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
