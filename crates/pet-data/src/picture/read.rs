//! The pictures of many samples, read in parallel.

use pet_image::Limits;

use super::{Fingerprint, Picture};
use crate::check::{Read, read_each};
use crate::{Error, Progress, Sample};

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
    read_each("check images", samples, limits, progress, stop, |bytes| {
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
    read_each("fingerprints", samples, limits, progress, stop, |bytes| {
        Fingerprint::of_file(bytes, limits)
    })
}
