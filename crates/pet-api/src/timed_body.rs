//! Bodies of large responses.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use actix_web::web::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

/// Bytes that are sent at a time.
const CHUNK: usize = 64 << 10;

/// A large response. Its memory stays reserved until it is sent, and it is aborted if the client has not read it by the
/// deadline; otherwise a few clients that never read could hold the memory forever.
pub(crate) struct TimedBody {
    length: u64,
    rest: Arc<Mutex<Option<Rest>>>,
}

struct Rest {
    bytes: Bytes,
    _memory: OwnedSemaphorePermit,
}

/// The client did not read the response in time.
#[derive(Debug, thiserror::Error)]
#[error("the response was not read in time")]
pub(crate) struct ResponseTimeout;

impl TimedBody {
    pub(crate) fn new(bytes: Vec<u8>, memory: OwnedSemaphorePermit, deadline: Instant) -> Self {
        let length = bytes.len() as u64;
        let rest = Rest { bytes: bytes.into(), _memory: memory };
        let rest = Arc::new(Mutex::new(Some(rest)));
        let watched = Arc::downgrade(&rest);
        rt::spawn(async move {
            sleep_until(deadline).await;
            if let Some(rest) = watched.upgrade() {
                lock(&rest).take();
            }
        });
        Self { length, rest }
    }
}

impl MessageBody for TimedBody {
    type Error = ResponseTimeout;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ResponseTimeout>>> {
        let mut rest = lock(&self.rest);
        let Some(Rest { bytes, .. }) = &mut *rest else {
            return Poll::Ready(Some(Err(ResponseTimeout)));
        };
        let part = bytes.split_to(CHUNK.min(bytes.len()));
        Poll::Ready((!part.is_empty()).then_some(Ok(part)))
    }
}

fn lock(rest: &Mutex<Option<Rest>>) -> MutexGuard<'_, Option<Rest>> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}
