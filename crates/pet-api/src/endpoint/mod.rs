//! An endpoint: its description and its handler in one, from which both the route and the document are made.
//!
//! What a handler takes and answers with is described by its types ([`Described`]); only words, and refusals that no
//! type tells, are added where it is registered.

mod described;
mod operation;
mod schema;

pub(crate) use described::Described;
pub(crate) use operation::Operation;
pub(crate) use schema::{Parameter, parameters};

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{FromRequest, HttpResponse, Resource, Responder, Route, web};

use crate::error::Code;

/// Endpoints of one subject.
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
    /// Whether the document has it: files of the pages are left out.
    pub(crate) is_shown: bool,
    bind: Box<dyn Fn(Route) -> Route + Send + Sync>,
}

/// `GET`, and with it `HEAD`, of a path.
pub(crate) fn get<F, Args>(path: impl Into<String>, handler: F) -> Endpoint
where
    F: Handler<Args, Output: Responder + Described> + Send + Sync,
    Args: FromRequest + Described + 'static,
{
    Endpoint::new(Method::GET, path.into(), handler)
}

/// `POST` to a path.
pub(crate) fn post<F, Args>(path: impl Into<String>, handler: F) -> Endpoint
where
    F: Handler<Args, Output: Responder + Described> + Send + Sync,
    Args: FromRequest + Described + 'static,
{
    Endpoint::new(Method::POST, path.into(), handler)
}

impl Endpoint {
    fn new<F, Args>(method: Method, path: String, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + Described> + Send + Sync,
        Args: FromRequest + Described + 'static,
    {
        let mut operation = Operation::at(&path);
        Args::describe(&mut operation);
        F::Output::describe(&mut operation);
        Self {
            method,
            path,
            operation,
            is_shown: true,
            bind: Box::new(move |route| route.to(handler.clone())),
        }
    }

    /// What it does, in a few words and in full.
    pub(crate) fn about(mut self, summary: &'static str, description: &'static str) -> Self {
        self.operation.summary = summary;
        self.operation.description = description;
        self
    }

    /// Leaves it out of the document.
    pub(crate) fn hidden(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// The media types of an answer that is not JSON alone.
    pub(crate) fn giving(mut self, kinds: impl IntoIterator<Item = &'static str>) -> Self {
        kinds
            .into_iter()
            .for_each(|kind| self.operation.gives(kind));
        self
    }

    /// Another status than 200 that is no refusal.
    pub(crate) fn answering(mut self, status: u16, description: &'static str) -> Self {
        self.operation.others.push((status, description));
        self
    }

    /// How it may refuse besides what its types tell.
    pub(crate) fn refusing(mut self, codes: &[Code]) -> Self {
        self.operation.refuses(codes);
        self
    }

    fn methods(&self) -> impl Iterator<Item = Method> {
        let head = (self.method == Method::GET).then_some(Method::HEAD);
        std::iter::once(self.method.clone()).chain(head)
    }

    /// Whether it takes requests of a method.
    pub(crate) fn takes(&self, method: &Method) -> bool {
        self.methods().any(|taken| taken == *method)
    }
}

/// A path with its endpoints, which takes `OPTIONS` too; every other method is refused in JSON.
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
    // The answer to `OPTIONS`, when it does not come from the page of another host.
    let options = move || {
        let answer = HttpResponse::NoContent()
            .insert_header((ALLOW, allowed.clone()))
            .finish();
        std::future::ready(answer)
    };
    resource.route(web::method(Method::OPTIONS).to(options))
}
