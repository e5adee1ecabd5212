//! The memory that uploads share.
//!
//! Whoever sends slowly may take their time as long as there is memory for others. When it is used up, the slowest
//! gives way: otherwise a few clients that stop in the middle would keep everyone else out.

use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::{Either, select};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{ApiError, Code};

/// Bytes that a request must bring within [`SLOW`] not to be slow.
const STEP: usize = 64 << 10;

/// Time without [`STEP`] more bytes after which a request may have to give way.
const SLOW: Duration = Duration::from_secs(1);

/// Counts the bytes of all uploads that are held, so that many clients at once are refused before
/// the machine's memory is used up.
pub(crate) struct Memory {
    free: Arc<Semaphore>,
    all: usize,
    /// The requests whose bodies are arriving.
    arriving: Mutex<Vec<Arc<Progress>>>,
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
            arriving: Mutex::default(),
        }
    }

    /// All bytes that there are.
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// Whether at least half of it is free.
    pub(crate) fn is_half_free(&self) -> bool {
        self.free.available_permits() >= self.all / 2
    }

    /// A request whose body begins to arrive, with one photograph or several.
    pub(crate) fn arrival(&self) -> Arrival<'_> {
        let progress = Arc::new(Progress::new());
        self.arriving().push(progress.clone());
        Arrival {
            memory: self,
            progress,
        }
    }

    /// Memory for an answer of so many bytes that waits for its client; one that is larger than all there is takes all.
    pub(crate) fn answer(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let count = u32::try_from(bytes.min(self.all)).unwrap_or(u32::MAX);
        let held = self.free.clone().try_acquire_many_owned(count);
        held.map_err(|_| ApiError::new(Code::Busy, "too many answers wait for their clients"))
    }

    /// Has the slowest request give way, but not the one that asks. Whether there was one.
    fn make_room(&self, asking: &Arc<Progress>) -> bool {
        let mut arriving = self.arriving();
        let others = arriving.iter().enumerate();
        let others = others.filter(|(_, other)| !Arc::ptr_eq(other, asking));
        let slow = others.filter_map(|(place, other)| Some((other.slow_since()?, place)));
        let Some((_, place)) = slow.min() else {
            return false;
        };
        arriving.swap_remove(place).gave_way.notify_one();
        true
    }

    fn arriving(&self) -> MutexGuard<'_, Vec<Arc<Progress>>> {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast a request arrives.
struct Progress {
    pace: Mutex<Pace>,
    gave_way: Notify,
}

struct Pace {
    /// When the last whole step had come.
    since: Instant,
    /// Bytes that have come after it.
    bytes: usize,
    /// Whether memory is held.
    holds: bool,
}

impl Progress {
    fn new() -> Self {
        let pace = Pace {
            since: Instant::now(),
            bytes: 0,
            holds: false,
        };
        Self {
            pace: Mutex::new(pace),
            gave_way: Notify::new(),
        }
    }

    fn came(&self, bytes: usize) {
        let mut pace = self.pace();
        pace.bytes += bytes;
        pace.holds = true;
        if pace.bytes >= STEP {
            (pace.since, pace.bytes) = (Instant::now(), 0);
        }
    }

    /// Since when it brings too little, if it holds memory and is slow.
    fn slow_since(&self) -> Option<Instant> {
        let pace = self.pace();
        let is_slow = pace.holds && pace.since.elapsed() >= SLOW;
        is_slow.then_some(pace.since)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose body arrives. It may have to give way as long as this exists.
pub(crate) struct Arrival<'a> {
    memory: &'a Memory,
    progress: Arc<Progress>,
}

impl Arrival<'_> {
    /// An empty body that may grow to `limit` bytes.
    pub(crate) fn body(&self, limit: u64) -> Growing<'_> {
        Growing {
            arrival: self,
            limit,
            bytes: Vec::new(),
            held: None,
        }
    }

    /// Awaits what reads the body, up to the deadline and as long as the request need not give way.
    pub(crate) async fn read<T>(
        &self,
        deadline: Instant,
        read: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let refused = |detail| Err(ApiError::new(Code::UploadTimeout, detail));
        let read = pin!(timeout_at(deadline, read));
        match select(read, pin!(self.progress.gave_way.notified())).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => refused("the body did not arrive in time"),
            Either::Right(_) => refused("the body arrived too slowly, and others need the memory"),
        }
    }

    /// Memory for so many bytes more.
    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let free = &self.memory.free;
        self.progress.came(bytes);
        loop {
            if let Ok(held) = free.clone().try_acquire_many_owned(count) {
                return Ok(held);
            }
            if !self.memory.make_room(&self.progress) {
                let detail = "too many uploads are being read already";
                return Err(ApiError::new(Code::Busy, detail));
            }
            // The other is told on its own thread.
            let room = timeout(SLOW, free.clone().acquire_many_owned(count));
            if let Ok(Ok(held)) = room.await {
                return Ok(held);
            }
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let mut arriving = self.memory.arriving();
        arriving.retain(|other| !Arc::ptr_eq(other, &self.progress));
    }
}

/// A body that is arriving.
pub(crate) struct Growing<'a> {
    arrival: &'a Arrival<'a>,
    limit: u64,
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl Growing<'_> {
    /// Adds what has arrived.
    pub(crate) async fn push(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        if (self.bytes.len() + chunk.len()) as u64 > self.limit {
            return Err(too_large(self.limit));
        }
        let held = self.arrival.take(chunk.len()).await?;
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

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Without a copy; the memory counts as used as long as a part of the body is held.
impl From<Body> for Bytes {
    fn from(body: Body) -> Self {
        Self::from_owner(body)
    }
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
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn memory_comes_back_when_a_body_is_dropped() {
        crate::block_on(async {
            let memory = Memory::new(10);
            let arrival = memory.arrival();
            let mut one = arrival.body(8);
            one.push(b"12345678").await.unwrap();
            let refusal = one.push(b"9").await.unwrap_err();
            assert_eq!(refusal.code, Code::TooLarge);
            let one = one.finish();
            assert_eq!(&*one, b"12345678");
            let mut other = arrival.body(8);
            assert_eq!(other.push(b"abc").await.unwrap_err().code, Code::Busy);
            drop(one);
            other.push(b"abc").await.unwrap();
        });
    }

    #[test]
    fn the_slowest_gives_way_and_no_other() {
        crate::block_on(async {
            let memory = Memory::new(10);
            let (slowest, slow, quick) = (memory.arrival(), memory.arrival(), memory.arrival());
            let hold = async |arrival: &Arrival<'_>, age: u32| {
                let mut body = arrival.body(8);
                body.push(b"1234").await.unwrap();
                arrival.progress.pace().since -= SLOW * age;
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
