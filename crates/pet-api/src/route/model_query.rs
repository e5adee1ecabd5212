//! The query parameter `model`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::endpoint::{Describe, Operation};
use crate::error::{ApiError, Code};
use crate::route::query::Query;
use crate::state::State;
use crate::traffic_split::TrafficSplit;

/// The model that a request names, by default the served one with its canary. An unknown name is rejected before the upload
/// is read. A model that is unloaded while the upload is read is still used.
pub(crate) struct ModelQuery(pub(crate) TrafficSplit);

#[derive(Deserialize, JsonSchema)]
struct Params {
    /// Name of the model to use; by default, the served one.
    model: Option<String>,
}

impl Describe for ModelQuery {
    fn describe(operation: &mut Operation) {
        Query::<Params>::describe(operation);
        operation.add_errors(&[Code::NotFound]);
    }
}

impl FromRequest for ModelQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = Query::<Params>::from_request(request, payload).into_inner();
        ready(query.and_then(|Query(params)| {
            let state = State::of(request)?;
            let split = match params.model {
                Some(name) => state.models.named(&name)?,
                None => state.split(),
            };
            Ok(Self(split))
        }))
    }
}
