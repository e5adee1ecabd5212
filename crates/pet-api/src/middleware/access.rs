//! One line of the log and one count for each request.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::request_id::{HEADER, request_id};
use crate::milliseconds::milliseconds;
use crate::state::State;

/// Names, times, counts and logs a request. While the service is stopping, the answer asks for the
/// connection to be closed.
pub(crate) async fn access<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut entry = Entry::of(&request);
    let state = request.app_data::<Data<State>>().cloned();
    let in_flight = state.as_ref().map(|state| state.metrics.begun());
    let mut response = next.call(request).await?;
    drop(in_flight);

    if let Ok(id) = HeaderValue::from_str(&entry.id) {
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static(HEADER), id);
    }
    if let Some(state) = state {
        let pattern = response.request().match_pattern();
        let route = pattern.as_deref().unwrap_or("none");
        let status = response.status().as_u16();
        state.metrics.answered(route, status, entry.begun.elapsed());
        if !state.is_ready() {
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
    }
    entry.status = Some(response.status().as_u16());
    Ok(response)
}

/// A line of the log, written when the request is over, however it ends.
struct Entry {
    id: String,
    method: String,
    path: String,
    begun: Instant,
    status: Option<u16>,
}

impl Entry {
    fn of(request: &ServiceRequest) -> Self {
        Self {
            id: request_id(request),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            begun: Instant::now(),
            status: None,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Self {
            id,
            method,
            path,
            begun,
            status,
        } = self;
        let milliseconds = milliseconds(begun.elapsed());
        match status {
            Some(status) => {
                tracing::info!(
                    request_id = id,
                    method,
                    path,
                    status,
                    milliseconds,
                    "answered"
                );
            }
            None => {
                tracing::info!(
                    request_id = id,
                    method,
                    path,
                    milliseconds,
                    "the client has gone"
                );
            }
        }
    }
}
