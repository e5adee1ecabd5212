//! The handlers.

mod feedback;
mod image;
mod inference;
mod model;
mod predict;
mod request;
mod service;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

use crate::endpoint::{Endpoint, Topic, resource};
use crate::error::{ApiError, Code};

/// All endpoints, in the order of the documentation. There is no other way to register a route.
pub(crate) static TOPICS: LazyLock<[Topic; 6]> = LazyLock::new(|| {
    [
        predict::topic(),
        feedback::topic(),
        image::topic(),
        model::topic(),
        service::topic(),
        inference::topic(),
    ]
});

/// Labels of paths that have no endpoint.
const UNKNOWN_ROUTES: [&str; 2] = ["none", OTHER_PROTOCOL_PATHS];

/// Every other path of the protocol.
const OTHER_PROTOCOL_PATHS: &str = "/v2/{path:.*}";

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    TOPICS.iter().flat_map(|topic| &topic.endpoints)
}

pub(crate) fn configure(services: &mut ServiceConfig) {
    let mut paths: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in endpoints() {
        paths.entry(&endpoint.path).or_default().push(endpoint);
    }
    for (path, endpoints) in paths {
        services.service(resource(path, endpoints));
    }
    services.service(web::resource(OTHER_PROTOCOL_PATHS).to(missing));
    services.default_service(web::to(missing));
}

/// Every route with each status that it may return; 204 is the response to `OPTIONS`, 405 to an unsupported method.
pub(crate) fn statuses() -> impl Iterator<Item = (&'static str, u16)> {
    let described = endpoints().flat_map(|endpoint| {
        let statuses = endpoint.operation.statuses().chain([204, 405]);
        statuses.map(|status| (endpoint.path.as_str(), status))
    });
    described.chain(UNKNOWN_ROUTES.map(|route| (route, 404)))
}

/// Whether a response of a route is in the `OpenAPI` document.
pub(crate) fn is_described(
    method: &Method,
    route: &str,
    status: u16,
    media_type: Option<&str>,
) -> bool {
    let mut here = endpoints().filter(|endpoint| endpoint.path == route);
    match here.find(|endpoint| endpoint.accepts(method)) {
        Some(endpoint) => endpoint.operation.allows(status, media_type),
        // A CORS preflight.
        None if method == Method::OPTIONS => [200, 204, 400, 404].contains(&status),
        None => [404, 405].contains(&status),
    }
}

async fn missing(request: HttpRequest) -> Result<&'static str, ApiError> {
    let detail = format!("`{}` does not exist", request.path());
    Err(ApiError::new(Code::NotFound, detail).with_hint("`/docs` lists all paths"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::endpoint::document;

    use super::*;

    #[test]
    fn different_schemas_have_different_names() {
        let mut schemas: BTreeMap<&str, &Value> = BTreeMap::new();
        for (name, schema) in endpoints().flat_map(|endpoint| &endpoint.operation.schemas) {
            assert_eq!(*schemas.entry(name).or_insert(schema), schema, "{name}");
        }
    }

    #[test]
    fn every_operation_is_described_in_full() {
        let mut names = BTreeSet::new();
        let document = document(&*TOPICS);
        let document: Value = serde_json::from_slice(&document.content).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].as_str()), "{path}");
                assert_ne!(operation["summary"], "", "{path}");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let has_content =
                        response.get("content").is_some_and(|content| content != &json!({}));
                    assert!(has_content || status.starts_with('3'), "{path} {status}");
                }
                let parameters = operation["parameters"].as_array().unwrap();
                for parameter in parameters {
                    assert_ne!(parameter["description"], "", "{path} {parameter}");
                }
                let in_path = parameters.iter().filter(|one| one["in"] == "path");
                assert_eq!(in_path.count(), path.matches('{').count(), "{path}");
            }
        }
    }

    #[test]
    fn only_described_responses_are_described() {
        let json = Some("application/json");
        for (method, route, status, kind, expected) in [
            (Method::GET, "/health", 200, json, true),
            (Method::HEAD, "/health", 200, json, true),
            (Method::GET, "/health", 404, json, false),
            (Method::GET, "/health", 200, Some("text/html"), false),
            (Method::POST, "/health", 405, json, true),
            (Method::POST, "/predict", 422, json, true),
            (Method::POST, "/predict", 401, json, false),
            (Method::OPTIONS, "/predict", 204, None, true),
            (Method::GET, "/docs/", 308, None, true),
            (Method::GET, "", 404, json, true),
            (Method::GET, "", 200, json, false),
        ] {
            let described = is_described(&method, route, status, kind);
            assert_eq!(described, expected, "{method} {route} {status} {kind:?}");
        }
    }
}
