//! The model that a request names in its query.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::choice::Choice;
use crate::endpoint::{Described, Operation};
use crate::error::{ApiError, Code};
use crate::route::query::Query;
use crate::upload::state;

/// The models that answer a request: those of the name that it gives, otherwise the served one. An unknown name is refused
/// before the upload is read. A model that is unloaded while it is read still answers.
pub(crate) struct Chosen(pub(crate) Choice);

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// Name of the model that answers; the served one unless given.
    model: Option<String>,
}

impl Described for Chosen {
    fn describe(operation: &mut Operation) {
        Query::<Asked>::describe(operation);
        operation.refuses(&[Code::NotFound]);
    }
}

impl FromRequest for Chosen {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let asked = Query::<Asked>::from_request(request, payload).into_inner();
        ready(asked.and_then(|Query(asked)| {
            let state = state(request)?;
            let choice = match asked.model {
                Some(name) => state.models.named(&name)?,
                None => state.choice(),
            };
            Ok(Self(choice))
        }))
    }
}
