//! Endpoints: handlers with their descriptions, from which both the routes and the `OpenAPI` document are built.
//!
//! The types of a handler's arguments and result describe what it takes and returns ([`Describe`]). Texts, and errors that
//! the types do not imply, are added where it is registered.

mod describe;
mod operation;
mod schema;

pub(crate) use describe::Describe;
pub(crate) use operation::Operation;
pub(crate) use schema::{Parameter, parameters};

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{FromRequest, HttpResponse, Resource, Responder, Route, web};

use crate::error::Code;

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

    /// Sets the summary and the description.
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

    /// Whether it accepts requests with this method.
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
