//! When a request must be answered.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, Code};
use crate::state::State;

/// The moment up to which a request may take, counted from when its head had arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

impl Deadline {
    /// Awaits the arrival of a body, up to the deadline.
    pub(super) async fn arrival<T>(
        self,
        body: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let late = |_| ApiError::new(Code::UploadTimeout, "the body did not arrive in time");
        timeout_at(self.0, body).await.map_err(late)?
    }
}

impl FromRequest for Deadline {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            state(request).map(|state| Self(Instant::now() + state.configuration.request_timeout)),
        )
    }
}

/// What the handlers share.
pub(super) fn state(request: &HttpRequest) -> Result<Data<State>, ApiError> {
    let state = request.app_data::<Data<State>>().cloned();
    state.ok_or_else(|| ApiError::new(Code::Internal, "the service has no state"))
}
