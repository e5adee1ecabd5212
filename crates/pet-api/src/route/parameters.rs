//! The parameters in a request's address.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest};

use crate::error::ApiError;

/// What stands behind the `?`. Unknown parameters are passed over.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter, where it is given; the last one where it is given twice.
    /// `expected` says in words what it must be.
    pub(crate) fn get<T: FromStr>(
        &self,
        name: &str,
        expected: impl Display,
    ) -> Result<Option<T>, ApiError> {
        let given = self.0.iter().rfind(|(given, _)| given == name);
        let Some((_, value)) = given else {
            return Ok(None);
        };
        let refused = |_| {
            let value: String = value.chars().take(40).collect();
            ApiError::parameter(format!("`{name}` is `{value}`, expected {expected}"))
        };
        value.parse().map(Some).map_err(refused)
    }
}

impl FromRequest for Parameters {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map(|pairs| Self(pairs.into_inner()));
        ready(pairs.map_err(|_| ApiError::parameter("the parameters cannot be read")))
    }
}
