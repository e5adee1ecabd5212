//! Giving up pictures that nobody waits for any more.
//!
//! A decoder is called through layers that know nothing of who waits (recipe, predictor, explanation), so what says
//! whether the result is still wanted belongs to the thread that decodes, while it does.

use std::cell::RefCell;
use std::io::{BufRead, Cursor, ErrorKind, Read, Seek, SeekFrom};

thread_local! {
    static WANTED: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// Does `work` on this thread, and gives up a picture that is being decoded within it once `wanted` says `false`: with
/// [`Error::Unwanted`](crate::Error::Unwanted), at the next row of a JPEG, at the next piece that is read of a PNG, GIF or
/// BMP, and before a WebP.
///
/// `wanted` is asked often and must be quick.
///
/// ```
/// use pet_image::{Error, Limits, decode, while_wanted};
///
/// let picture = pet_image::encode_rgb(&pet_image::RgbImage::new(9, 9), pet_image::Format::Jpeg)?;
/// let given_up = while_wanted(|| false, || decode(&picture, &Limits::default()));
/// assert!(matches!(given_up, Err(Error::Unwanted)));
/// assert!(decode(&picture, &Limits::default()).is_ok());
/// # Ok::<(), Error>(())
/// ```
pub fn while_wanted<T>(wanted: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also when the work panics.
    struct Before(Option<Box<dyn Fn() -> bool>>);
    impl Drop for Before {
        fn drop(&mut self) {
            WANTED.replace(self.0.take());
        }
    }
    let _before = Before(WANTED.replace(Some(Box::new(wanted))));
    work()
}

/// Whether somebody still waits for what this thread does.
pub(crate) fn is_wanted() -> bool {
    WANTED.with_borrow(|wanted| wanted.as_ref().is_none_or(|wanted| wanted()))
}

/// A file whose reading fails once it is not wanted any more.
pub(crate) struct Wanted<'a>(pub(crate) Cursor<&'a [u8]>);

/// As much as is read without asking again.
const PIECE: usize = 16 << 10;

fn check() -> std::io::Result<()> {
    // Reading is tried again after `ErrorKind::Interrupted`.
    if is_wanted() {
        Ok(())
    } else {
        Err(ErrorKind::ConnectionAborted.into())
    }
}

impl Read for Wanted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        check()?;
        self.0.read(buffer)
    }
}

impl BufRead for Wanted<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        check()?;
        let rest = self.0.fill_buf()?;
        Ok(&rest[..rest.len().min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl Seek for Wanted<'_> {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(position)
    }
}
