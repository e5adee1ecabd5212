//! How handlers are bound to paths, and the parameters of a request's address.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::{Handler, Payload};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use crate::error::ApiError;

/// A path that takes `GET`, `HEAD` and `OPTIONS`; every other method is refused in JSON.
pub(crate) fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .route(options("GET, HEAD, OPTIONS"))
}

/// A path that takes `POST` and `OPTIONS`; every other method is refused in JSON.
pub(crate) fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::post().to(handler))
        .route(options("OPTIONS, POST"))
}

/// The answer to `OPTIONS`, when it does not come from the page of another host: the methods that a path takes.
pub(crate) fn options(methods: &'static str) -> Route {
    web::method(Method::OPTIONS).to(move || {
        ready(
            HttpResponse::NoContent()
                .insert_header((ALLOW, methods))
                .finish(),
        )
    })
}

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
            let is = if value.is_empty() {
                "empty".to_owned()
            } else {
                format!("`{value}`")
            };
            ApiError::parameter(format!("`{name}` is {is}, expected {expected}"))
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
