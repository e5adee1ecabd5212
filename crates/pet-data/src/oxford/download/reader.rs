use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use crate::Progress;

/// Reports the bytes that are read.
pub(super) struct Counted<'a, R> {
    pub(super) reader: R,
    pub(super) progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Reads no more bytes than are currently allowed, so that neither an endless header nor an entry longer
/// than declared can fill memory or disk.
pub(super) struct Allowed<R> {
    pub(super) reader: R,
    pub(super) left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Allowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other("there is too much data between two entries"));
        }
        let count = self.reader.by_ref().take(left).read(buffer)?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}
