//! The `OpenAPI` document.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::asset::Asset;
use crate::endpoint::{Endpoint, Topic};
use crate::error::Code;

const DESCRIPTION: &str = "Predicts the breed of the cat or dog in a photo, and edits images.\n\n\
    Errors are always JSON with `detail` (what is wrong), `code` (one of `x-error-codes`) and, \
    if something can be done, `hint`; or problem details (RFC 9457) for clients that accept \
    `application/problem+json`.";

/// The document as a file.
pub(crate) struct Document(pub(crate) Asset);

impl Document {
    /// Describes the endpoints that are shown.
    pub(crate) fn of(topics: &[Topic]) -> Self {
        let text = format!("{:#}", document(topics));
        Self(Asset::new("openapi.json", "application/json", text))
    }
}

fn document(topics: &[Topic]) -> Json {
    let mut paths: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
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
    json!({
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
    })
}

/// A code of errors, to which problem details link.
fn error_code(code: Code) -> Json {
    json!({"code": code.name(), "status": code.status(), "meaning": code.meaning()})
}

/// The operation's ID, made of its method and path, such as `post_predict_batch`.
fn operation_id(endpoint: &Endpoint) -> String {
    let parts = endpoint.path.split(['/', '{', '}', '.']);
    parts
        .filter(|part| !part.is_empty())
        .fold(endpoint.method.as_str().to_lowercase(), |name, part| format!("{name}_{part}"))
}
