//! Endpoints: handlers with their descriptions, from which both the routes and the `OpenAPI` document are built.
//!
//! The types of a handler's arguments and result describe what it takes and returns ([`Describe`]). Texts, and errors that
//! the types do not imply, are added where it is registered.

mod operation;

use std::collections::BTreeMap;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, Data, Json, Path};
use actix_web::{
    CustomizeResponder, Either, FromRequest, HttpRequest, HttpResponse, Resource, Responder, Route,
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

pub(crate) use operation::{Operation, Parameter, parameters};

use crate::asset::Asset;
use crate::error::{ApiError, Code};

/// The endpoints of one subject, a tag in the document.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// The route's pattern.
    pub(crate) path: String,
    pub(crate) operation: Operation,
    /// Whether it is in the document; files of the web pages are not.
    pub(crate) is_documented: bool,
    bind: Box<dyn Fn(Route) -> Route + Send + Sync>,
}

/// `GET` and `HEAD` of a path.
pub(crate) fn get<F, Args>(path: impl Into<String>, handler: F) -> Endpoint
where
    F: Handler<Args, Output: Responder + Describe> + Send + Sync,
    Args: FromRequest + Describe + 'static,
{
    Endpoint::new(Method::GET, path.into(), handler)
}

/// `POST` to a path.
pub(crate) fn post<F, Args>(path: impl Into<String>, handler: F) -> Endpoint
where
    F: Handler<Args, Output: Responder + Describe> + Send + Sync,
    Args: FromRequest + Describe + 'static,
{
    Endpoint::new(Method::POST, path.into(), handler)
}

impl Endpoint {
    fn new<F, Args>(method: Method, path: String, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + Describe> + Send + Sync,
        Args: FromRequest + Describe + 'static,
    {
        let mut operation = Operation::at(&path);
        Args::describe(&mut operation);
        F::Output::describe(&mut operation);
        Self {
            method,
            path,
            operation,
            is_documented: true,
            bind: Box::new(move |route| route.to(handler.clone())),
        }
    }

    pub(crate) fn about(mut self, summary: &'static str, description: &'static str) -> Self {
        self.operation.summary = summary;
        self.operation.description = description;
        self
    }

    /// Leaves the endpoint out of the document.
    pub(crate) fn hidden(mut self) -> Self {
        self.is_documented = false;
        self
    }

    /// Adds media types of the response besides those that the types imply.
    pub(crate) fn content_types(mut self, types: impl IntoIterator<Item = &'static str>) -> Self {
        types.into_iter().for_each(|media_type| self.operation.add_response(media_type));
        self
    }

    /// Describes the response as a file of one of these media types, which the client may have already.
    pub(crate) fn file(self, types: &[&'static str]) -> Self {
        self.content_types(types.iter().copied()).status(304, "The file has not changed.")
    }

    /// Adds a status other than 200 that is not an error.
    pub(crate) fn status(mut self, status: u16, description: &'static str) -> Self {
        self.operation.other_statuses.push((status, description));
        self
    }

    /// Adds errors besides those that the types imply.
    pub(crate) fn errors(mut self, codes: &[Code]) -> Self {
        self.operation.add_errors(codes);
        self
    }

    fn methods(&self) -> impl Iterator<Item = Method> {
        let head = (self.method == Method::GET).then_some(Method::HEAD);
        std::iter::once(self.method.clone()).chain(head)
    }

    pub(crate) fn accepts(&self, method: &Method) -> bool {
        self.methods().any(|accepted| accepted == *method)
    }
}

/// A path with its endpoints, and `OPTIONS`; any other method gets an error in JSON.
pub(crate) fn resource<'a>(
    path: &str,
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
) -> Resource {
    let mut resource = web::resource(path);
    let mut allowed = vec![Method::OPTIONS.to_string()];
    for endpoint in endpoints {
        for method in endpoint.methods() {
            allowed.push(method.to_string());
            resource = resource.route((endpoint.bind)(web::method(method)));
        }
    }
    allowed.sort();
    let allowed = allowed.join(", ");
    // The response to `OPTIONS` when it is not a CORS preflight.
    let options = move || {
        let answer = HttpResponse::NoContent().insert_header((ALLOW, allowed.clone())).finish();
        std::future::ready(answer)
    };
    resource.route(web::method(Method::OPTIONS).to(options))
}

/// A type that handlers take or return, which describes a part of the endpoint.
pub(crate) trait Describe {
    /// Adds parameters, a body, a response or errors; by default, nothing.
    fn describe(_: &mut Operation) {}
}

impl Describe for HttpRequest {}

// The content types of a plain response are set where its handler is registered.
impl Describe for HttpResponse {}

impl<T: ?Sized> Describe for Data<T> {}

impl<T: JsonSchema> Describe for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.add_parameters::<T>("path");
    }
}

impl<T: JsonSchema> Describe for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.add_json_response::<T>();
    }
}

impl<T: Describe> Describe for CustomizeResponder<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

impl<T: Describe, U: Describe> Describe for Either<T, U> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        U::describe(operation);
    }
}

impl<T: Describe, E: Describe> Describe for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        E::describe(operation);
    }
}

impl Describe for ApiError {
    fn describe(operation: &mut Operation) {
        operation.add_error_body();
    }
}

macro_rules! describe_arguments {
    ($($name:ident)*) => {
        impl<$($name: Describe),*> Describe for ($($name,)*) {
            #[allow(unused_variables)] // A handler without arguments.
            fn describe(operation: &mut Operation) {
                $($name::describe(operation);)*
            }
        }
    };
}

describe_arguments!();
describe_arguments!(A);
describe_arguments!(A B);
describe_arguments!(A B C);
describe_arguments!(A B C D);
describe_arguments!(A B C D E);

const DESCRIPTION: &str = "Predicts the breed of the cat or dog in a photo, and edits images.\n\n\
    Errors are always JSON with `detail` (what is wrong), `code` (one of `x-error-codes`) and, \
    if something can be done, `hint`; or problem details (RFC 9457) for clients that accept \
    `application/problem+json`.";

/// The document, which describes the endpoints that are shown.
pub(crate) fn document(topics: &[Topic]) -> Asset {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for topic in topics {
        for endpoint in topic.endpoints.iter().filter(|endpoint| endpoint.is_documented) {
            let operation = &endpoint.operation;
            schemas.extend(operation.schemas.clone());
            let operation = operation.to_json(&operation_id(endpoint), topic.name);
            let method = endpoint.method.as_str().to_lowercase();
            paths.entry(&endpoint.path).or_default().insert(method, operation);
        }
    }
    let tag = |topic: &Topic| json!({"name": topic.name, "description": topic.description});
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MLOps Lab API",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": topics.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "x-error-codes": Code::ALL.map(error_code),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    });
    Asset::new("openapi.json", format!("{document:#}"))
}

/// A code of errors, to which problem details link.
fn error_code(code: Code) -> Value {
    json!({"code": code.name(), "status": code.status(), "meaning": code.meaning()})
}

/// The operation's ID, made of its method and path, such as `post_predict_batch`.
fn operation_id(endpoint: &Endpoint) -> String {
    let parts = endpoint.path.split(['/', '{', '}', '.']);
    parts
        .filter(|part| !part.is_empty())
        .fold(endpoint.method.as_str().to_lowercase(), |name, part| format!("{name}_{part}"))
}
