//! The memory that uploads share.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, Code};

/// Counts the bytes of all uploads that are held, so that many clients at once are refused before
/// the machine's memory is used up.
pub(crate) struct Memory {
    free: Arc<Semaphore>,
    all: usize,
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
        }
    }

    /// All bytes that there are.
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// An empty body that may grow to `limit` bytes.
    pub(crate) fn body(&self, limit: u64) -> Growing<'_> {
        Growing {
            memory: self,
            limit,
            bytes: Vec::new(),
            held: None,
        }
    }
}

/// A body that is arriving.
pub(crate) struct Growing<'a> {
    memory: &'a Memory,
    limit: u64,
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl Growing<'_> {
    /// Adds what has arrived.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        if (self.bytes.len() + chunk.len()) as u64 > self.limit {
            return Err(too_large(self.limit));
        }
        let count = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let held = self.memory.free.clone().try_acquire_many_owned(count);
        let held =
            held.map_err(|_| ApiError::new(Code::Busy, "too many uploads are being read already"))?;
        match &mut self.held {
            Some(before) => before.merge(held),
            None => self.held = Some(held),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The whole body.
    pub(crate) fn finish(self) -> Body {
        Body {
            bytes: self.bytes,
            _held: self.held,
        }
    }
}

/// A body that has arrived; its memory is counted as used until it is dropped.
pub(crate) struct Body {
    bytes: Vec<u8>,
    _held: Option<OwnedSemaphorePermit>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The refusal of an upload above the limit.
pub(crate) fn too_large(limit: u64) -> ApiError {
    ApiError::new(
        Code::TooLarge,
        format!("the upload has more than the limit of `{limit}` bytes"),
    )
    .with_hint("scale the picture down first".to_owned())
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn memory_comes_back_when_a_body_is_dropped() {
        let memory = Memory::new(10);
        let mut one = memory.body(8);
        one.push(b"12345678").unwrap();
        assert_eq!(one.push(b"9").unwrap_err().code, Code::TooLarge);
        let one = one.finish();
        assert_eq!(&*one, b"12345678");
        assert_eq!(memory.body(8).push(b"abc").unwrap_err().code, Code::Busy);
        drop(one);
        assert!(memory.body(8).push(b"abc").is_ok());
    }
}
