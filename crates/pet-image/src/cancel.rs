//! Cancellation of decoding.
//!
//! A decoder is called through layers that know nothing of cancellation (recipe, predictor, explanation), so the callback
//! is stored in the decoding thread.

use std::cell::RefCell;
use std::io::{BufRead, Cursor, ErrorKind, Read, Seek, SeekFrom};

thread_local! {
    static WANTED: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// Runs `work` on this thread, and cancels the decoding of an image within it once `wanted` returns `false`, with
/// [`Error::Cancelled`](crate::Error::Cancelled): at the next row of a JPEG or TIFF, at the next read of a PNG, GIF or BMP,
/// and before a WebP.
///
/// `wanted` is called often and must be fast.
///
/// ```
/// use pet_image::{Error, Limits, cancel_unless, decode};
///
/// let picture = pet_image::encode_rgb(&pet_image::RgbImage::new(9, 9), pet_image::Format::Jpeg)?;
/// let cancelled = cancel_unless(|| false, || decode(&picture, &Limits::default()));
/// assert!(matches!(cancelled, Err(Error::Cancelled)));
/// assert!(decode(&picture, &Limits::default()).is_ok());
/// # Ok::<(), Error>(())
/// ```
pub fn cancel_unless<T>(wanted: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Restores the previous callback, also when the work panics.
    struct Before(Option<Box<dyn Fn() -> bool>>);
    impl Drop for Before {
        fn drop(&mut self) {
            WANTED.replace(self.0.take());
        }
    }
    let _before = Before(WANTED.replace(Some(Box::new(wanted))));
    work()
}

/// Whether the work of this thread is cancelled.
pub(crate) fn is_cancelled() -> bool {
    WANTED.with_borrow(|wanted| wanted.as_ref().is_some_and(|wanted| !wanted()))
}

/// A file whose reading fails once the work is cancelled.
pub(crate) struct Cancellable<'a>(pub(crate) Cursor<&'a [u8]>);

/// Bytes that are read between checks.
const PIECE: usize = 16 << 10;

fn check() -> std::io::Result<()> {
    if is_cancelled() {
        // Not `ErrorKind::Interrupted`, after which reading is repeated.
        return Err(ErrorKind::ConnectionAborted.into());
    }
    Ok(())
}

impl Read for Cancellable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        check()?;
        self.0.read(buffer)
    }
}

impl BufRead for Cancellable<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        check()?;
        let rest = self.0.fill_buf()?;
        Ok(&rest[..rest.len().min(PIECE)])
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl Seek for Cancellable<'_> {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(position)
    }
}
