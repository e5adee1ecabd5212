//! The memory that uploads and large responses share.
//!
//! A client may send slowly as long as there is memory for others. When memory runs out, the slowest upload is cancelled,
//! so that a few clients that stall cannot lock out everyone else.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::rt;
use actix_web::web::Bytes;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt as _, stream};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::error::{ApiError, Code};

/// Bytes that an upload must deliver within [`SLOW_AFTER`] not to count as slow.
const MIN_PROGRESS: usize = 64 << 10;

/// Time without [`MIN_PROGRESS`] more bytes after which an upload may be cancelled.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// Bytes of a large response that are sent at a time.
const CHUNK: usize = 64 << 10;

/// A budget of bytes for all uploads in memory.
pub(crate) struct UploadMemory {
    free: Arc<Semaphore>,
    capacity: usize,
    /// The requests whose bodies are being received.
    incoming: Mutex<Vec<Arc<Progress>>>,
}

/// A permit for each byte that is reserved.
pub(crate) type Reserved = OwnedSemaphorePermit;

impl UploadMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        let capacity = bytes.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(capacity)), capacity, incoming: Mutex::default() }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn is_half_free(&self) -> bool {
        self.free.available_permits() >= self.capacity / 2
    }

    /// Reads a body of up to `limit` bytes, and returns it with its memory.
    pub(crate) async fn read(
        &self,
        limit: u64,
        deadline: Instant,
        chunks: impl Stream<Item = Result<Bytes, ApiError>>,
    ) -> Result<(Bytes, Option<Reserved>), ApiError> {
        let incoming = self.receive();
        let mut body = incoming.body(limit);
        let mut chunks = pin!(chunks);
        let read = async {
            while let Some(chunk) = chunks.next().await {
                body.push(&chunk?).await?;
            }
            Ok(())
        };
        incoming.read(deadline, read).await?;
        Ok(body.finish())
    }

    /// Registers a request whose body is about to be received.
    pub(crate) fn receive(&self) -> Incoming<'_> {
        let pace = Pace { since: Instant::now(), bytes: 0, holds_memory: false };
        let progress = Arc::new(Progress { pace: Mutex::new(pace), cancelled: Notify::new() });
        self.incoming.lock().push(progress.clone());
        Incoming { memory: self, progress }
    }

    /// Reserves memory for a response of this many bytes, in addition to what is `held` for it already. A response larger
    /// than the capacity takes all.
    pub(crate) fn reserve_response(
        &self,
        bytes: usize,
        held: Option<Reserved>,
    ) -> Result<Reserved, ApiError> {
        let more = bytes.saturating_sub(held.as_ref().map_or(0, Reserved::num_permits));
        let count = u32::try_from(more.min(self.capacity)).unwrap_or(u32::MAX);
        let reserved = self.free.clone().try_acquire_many_owned(count);
        let mut reserved = reserved.map_err(|_| {
            ApiError::new(Code::Busy, "too many responses are waiting for their clients")
        })?;
        if let Some(held) = held {
            reserved.merge(held);
        }
        Ok(reserved)
    }

    /// Cancels the slowest upload other than `asking`. Returns whether there was a slow one.
    fn cancel_slowest(&self, asking: &Arc<Progress>) -> bool {
        let mut incoming = self.incoming.lock();
        let others = incoming.iter().enumerate();
        let others = others.filter(|(_, other)| !Arc::ptr_eq(other, asking));
        let slow = others.filter_map(|(index, other)| Some((other.slow_since()?, index)));
        let Some((_, index)) = slow.min() else {
            return false;
        };
        incoming.swap_remove(index).cancelled.notify_one();
        true
    }
}

/// How fast a body arrives.
struct Progress {
    pace: Mutex<Pace>,
    cancelled: Notify,
}

struct Pace {
    /// When the last [`MIN_PROGRESS`] bytes were complete.
    since: Instant,
    /// Bytes received after that.
    bytes: usize,
    holds_memory: bool,
}

impl Progress {
    fn received(&self, bytes: usize) {
        let mut pace = self.pace.lock();
        pace.bytes += bytes;
        pace.holds_memory = true;
        if pace.bytes >= MIN_PROGRESS {
            (pace.since, pace.bytes) = (Instant::now(), 0);
        }
    }

    /// Since when it has been too slow; `None` if it is not, or holds no memory.
    fn slow_since(&self) -> Option<Instant> {
        let pace = self.pace.lock();
        let is_slow = pace.holds_memory && pace.since.elapsed() >= SLOW_AFTER;
        is_slow.then_some(pace.since)
    }
}

/// A request whose body is being received. It can be cancelled as long as this exists.
pub(crate) struct Incoming<'a> {
    memory: &'a UploadMemory,
    progress: Arc<Progress>,
}

impl Incoming<'_> {
    /// An empty body that may grow to `limit` bytes.
    pub(crate) fn body(&self, limit: u64) -> BodyBuffer<'_> {
        BodyBuffer { incoming: self, limit, bytes: Vec::new(), reserved: None }
    }

    /// Awaits the future that reads the body, until the deadline or until the upload is cancelled.
    pub(crate) async fn read<T>(
        &self,
        deadline: Instant,
        read: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let timed_out = |detail| Err(ApiError::new(Code::UploadTimeout, detail));
        let read = pin!(timeout_at(deadline, read));
        match select(read, pin!(self.progress.cancelled.notified())).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => timed_out("the body did not arrive in time"),
            Either::Right(_) => {
                timed_out("the body arrived too slowly, and other requests need the memory")
            }
        }
    }

    async fn reserve(&self, bytes: usize) -> Result<Reserved, ApiError> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let free = &self.memory.free;
        self.progress.received(bytes);
        loop {
            if let Ok(reserved) = free.clone().try_acquire_many_owned(count) {
                return Ok(reserved);
            }
            if !self.memory.cancel_slowest(&self.progress) {
                let detail = "too many uploads are already in progress";
                return Err(ApiError::new(Code::Busy, detail));
            }
            // The cancelled upload frees its memory on its own thread.
            let reserved = timeout(SLOW_AFTER, free.clone().acquire_many_owned(count));
            if let Ok(Ok(reserved)) = reserved.await {
                return Ok(reserved);
            }
        }
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        let mut incoming = self.memory.incoming.lock();
        incoming.retain(|other| !Arc::ptr_eq(other, &self.progress));
    }
}

pub(crate) struct BodyBuffer<'a> {
    incoming: &'a Incoming<'a>,
    limit: u64,
    bytes: Vec<u8>,
    reserved: Option<Reserved>,
}

impl BodyBuffer<'_> {
    pub(crate) async fn push(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        if (self.bytes.len() + chunk.len()) as u64 > self.limit {
            return Err(too_large(self.limit));
        }
        let reserved = self.incoming.reserve(chunk.len()).await?;
        match &mut self.reserved {
            Some(before) => before.merge(reserved),
            None => self.reserved = Some(reserved),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    pub(crate) fn finish(self) -> (Bytes, Option<Reserved>) {
        (self.bytes.into(), self.reserved)
    }
}

/// Bytes whose memory stays reserved as long as any slice of them is alive.
pub(crate) fn hold(bytes: impl Into<Bytes>, reserved: impl Into<Option<Reserved>>) -> Bytes {
    Bytes::from_owner(Held { bytes: bytes.into(), _reserved: reserved.into() })
}

struct Held {
    bytes: Bytes,
    _reserved: Option<Reserved>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A large response, whose bytes hold their memory until they are sent. It is aborted if the client has not read it by the
/// deadline; otherwise a few clients that never read could hold the memory forever.
pub(crate) fn timed_body(bytes: Bytes, deadline: Instant) -> impl MessageBody + 'static {
    let length = bytes.len() as u64;
    let rest = Arc::new(Mutex::new(Some(bytes)));
    let watched = Arc::downgrade(&rest);
    rt::spawn(async move {
        sleep_until(deadline).await;
        if let Some(rest) = watched.upgrade() {
            rest.lock().take();
        }
    });
    let parts = std::iter::from_fn(move || match &mut *rest.lock() {
        Some(rest) if rest.is_empty() => None,
        Some(rest) => Some(Ok(rest.split_to(CHUNK.min(rest.len())))),
        None => Some(Err(io::Error::other("the response was not read in time"))),
    });
    SizedStream::new(length, stream::iter(parts))
}

/// The error for an upload above the limit.
pub(crate) fn too_large(limit: u64) -> ApiError {
    ApiError::new(Code::TooLarge, format!("the upload has more than the limit of `{limit}` bytes"))
        .with_hint("scale the image down first")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn dropping_a_body_frees_its_memory() {
        crate::block_on(async {
            let memory = UploadMemory::new(10);
            let incoming = memory.receive();
            let mut one = incoming.body(8);
            one.push(b"12345678").await.unwrap();
            let error = one.push(b"9").await.unwrap_err();
            assert_eq!(error.code, Code::TooLarge);
            let one = one.finish();
            assert_eq!(&*one.0, b"12345678");
            let mut other = incoming.body(8);
            assert_eq!(other.push(b"abc").await.unwrap_err().code, Code::Busy);
            drop(one);
            other.push(b"abc").await.unwrap();
        });
    }

    #[test]
    fn only_the_slowest_upload_is_cancelled() {
        crate::block_on(async {
            let memory = UploadMemory::new(10);
            let (slowest, slow, quick) = (memory.receive(), memory.receive(), memory.receive());
            let hold = async |incoming: &Incoming<'_>, age: u32| {
                let mut body = incoming.body(8);
                body.push(b"1234").await.unwrap();
                incoming.progress.pace.lock().since -= SLOW_AFTER * age;
                std::future::pending::<()>().await;
                Ok(())
            };
            let deadline = Instant::now() + Duration::from_mins(1);
            let mut first = pin!(slowest.read(deadline, hold(&slowest, 3)));
            let mut second = pin!(slow.read(deadline, hold(&slow, 2)));
            assert!((&mut first).now_or_never().is_none());
            assert!((&mut second).now_or_never().is_none());
            let third = async {
                let mut body = quick.body(8);
                body.push(b"12345").await
            };
            let third = quick.read(deadline, third);
            let (third, first) = futures_util::future::join(third, first).await;
            third.unwrap();
            assert_eq!(first.unwrap_err().code, Code::UploadTimeout);
            assert!((&mut second).now_or_never().is_none());
        });
    }
}
