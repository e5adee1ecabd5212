//! What handlers take from a request besides its body: query parameters, the model, and the administrator's token.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpRequest, web};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::deployment::TrafficSplit;
use crate::endpoint::{Describe, Operation, Parameter, parameters};
use crate::error::{ApiError, Code};
use crate::state::State;

/// The query parameters, as the fields of a type, validated against its schema in the `OpenAPI` document. Unknown parameters
/// are ignored; of repeated ones the last counts.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: JsonSchema> Describe for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.add_parameters::<T>("query");
        operation.add_errors(&[Code::BadParameter]);
    }
}

impl<T: DeserializeOwned + JsonSchema> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

fn read<T: DeserializeOwned + JsonSchema>(query: &str) -> Result<T, ApiError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
    let pairs = pairs.map_err(|_| ApiError::bad_parameter("the parameters cannot be parsed"))?;
    let given: BTreeMap<_, _> = pairs.into_inner().into_iter().collect();
    let mut values = Map::new();
    for parameter in parameters::<T>() {
        match given.get(&parameter.name) {
            Some(text) => values.insert(parameter.name.clone(), value(&parameter, text)?),
            None if parameter.is_required => {
                let detail = format!("the parameter `{}` is missing", parameter.name);
                return Err(ApiError::bad_parameter(detail));
            }
            None => continue,
        };
    }
    serde_json::from_value(Json::Object(values))
        .map_err(|error| ApiError::bad_parameter(error.to_string()))
}

/// The value of a parameter, validated against its schema.
fn value(Parameter { name, schema, .. }: &Parameter, text: &str) -> Result<Json, ApiError> {
    let expected = if schema.get("type").is_some_and(|kind| kind == "integer") {
        let bound = |key, default| schema.get(key).and_then(Json::as_i64).unwrap_or(default);
        let (min, max) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => return Ok(number.into()),
            _ => format!("an integer from {min} to {max}"),
        }
    } else if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        if values.iter().any(|value| value == text) {
            return Ok(text.into());
        }
        let values = values.iter().filter_map(Json::as_str);
        let values = values.map(|value| format!("`{value}`"));
        values.collect::<Vec<_>>().join(" or ")
    } else {
        return Ok(text.into());
    };
    let given: String = text.chars().take(40).collect();
    let is = if given.is_empty() { "empty".to_owned() } else { format!("`{given}`") };
    Err(ApiError::bad_parameter(format!("`{name}` is {is}, expected {expected}")))
}

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

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).and_then(|Params { model }| {
            let models = &State::of(request)?.models;
            Ok(Self(match model {
                Some(name) => models.named(&name)?,
                None => models.split(),
            }))
        }))
    }
}

/// Requires the administrator's token. If none is configured, the route is not found.
pub(crate) struct Administrator;

impl Describe for Administrator {
    fn describe(operation: &mut Operation) {
        operation.require_token();
    }
}

impl FromRequest for Administrator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        ready(State::of(request).and_then(|state| state.authorize(given)).map(|()| Self))
    }
}
