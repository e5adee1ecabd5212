//! Reading forward through bytes without ever passing their end.

use crate::Error;

/// A position in borrowed bytes.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes consumed so far.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next `count` bytes; `what` names them in the error.
    pub(crate) fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], Error> {
        let rest = self.rest();
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let taken = taken.ok_or(Error::Truncated {
            what,
            offset: self.offset,
            expected: count,
            got: rest.len() as u64,
        })?;
        self.offset += taken.len();
        Ok(taken)
    }

    /// The next `SIZE` bytes as an array.
    pub(crate) fn array<const SIZE: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; SIZE], Error> {
        let mut array = [0; SIZE];
        array.copy_from_slice(self.take(SIZE as u64, what)?);
        Ok(array)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Error> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    /// The bytes up to the next newline, which is consumed as well.
    pub(crate) fn line(&mut self, what: &'static str) -> Result<&'a [u8], Error> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()) as u64;
        let line = self.take(length + 1, what)?;
        Ok(line.strip_suffix(b"\n").unwrap_or(line))
    }

    /// Confirms that nothing is left.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.rest().len() {
            0 => Ok(()),
            count => Err(Error::TrailingBytes { offset: self.offset, count }),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_the_end() {
        let mut cursor = Cursor::new(b"ab\ncd");
        assert_eq!(cursor.line("line").unwrap(), b"ab");
        assert_eq!(cursor.offset(), 3);
        assert!(matches!(
            cursor.line("line"),
            Err(Error::Truncated { offset: 3, expected: 3, got: 2, .. })
        ));
        assert!(cursor.take(u64::MAX, "text").is_err());
        assert!(matches!(cursor.finish(), Err(Error::TrailingBytes { offset: 3, count: 2 })));
        assert_eq!(&cursor.array::<2>("pair").unwrap(), b"cd");
        assert!(cursor.byte("byte").is_err());
        cursor.finish().unwrap();
    }
}
