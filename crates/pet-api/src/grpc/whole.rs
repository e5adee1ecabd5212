//! Bodies that are in memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::web::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::sync::OwnedSemaphorePermit;

/// A body that is in memory: data, then trailers.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) data: Option<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }
}

/// Bytes with the memory that is reserved for them, until the last of them is sent.
pub(super) struct Reserved {
    pub(super) bytes: Bytes,
    pub(super) _memory: Vec<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Reserved {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
