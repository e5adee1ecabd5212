//! The `OpenAPI` document.
//!
//! The endpoints are described by a table of their own ([`endpoints`]), from which the document is
//! made; its refusals are rows of [`Code`]. The metrics take their series from it too.

mod endpoint;
mod endpoints;
mod schema;

pub(crate) use endpoints::endpoints;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::error::Code;
use crate::openapi::endpoint::{Answer, Body, Endpoint, Parameter, Value};
use crate::openapi::schema::{reference, schemas};
use crate::problem::PROBLEM;

const DESCRIPTION: &str = "Names the breed of the cat or dog in a photograph, and works on images.\n\n\
    Refusals are always JSON with `detail` (what is wrong), `code` (a row of the table in the \
    documentation) and, where something can be done, `hint`; or problem details (RFC 9457), for who accepts \
    `application/problem+json`.";

const TAGS: [(&str, &str); 6] = [
    ("predict", "Which breed is it?"),
    ("feedback", "Corrections to train on, where they are kept."),
    (
        "image",
        "Work on an image; the answer is an image in the format of the upload.",
    ),
    ("model", "The served model."),
    ("service", "Health, metrics and documentation."),
    (
        "open inference",
        "The Open Inference Protocol (KServe v2), as Triton's clients speak it.",
    ),
];

/// Image formats that are read and written.
const IMAGES: [&str; 5] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/bmp",
];

/// The whole document.
pub(crate) fn document() -> Json {
    let tags = TAGS.map(|(name, description)| json!({"name": name, "description": description}));
    let mut paths: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
    for endpoint in endpoints() {
        let path = paths.entry(endpoint.path).or_default();
        path.insert(endpoint.method.to_owned(), operation(endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MLOps Lab API",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn operation(endpoint: &Endpoint) -> Json {
    let mut operation = json!({
        "operationId": name(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": endpoint.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses(endpoint),
    });
    if let Some(body) = body(endpoint.body) {
        operation["requestBody"] = body;
    }
    if endpoint.guarded {
        operation["security"] = json!([{"token": []}]);
    }
    operation
}

/// A name made of the method and the path: `post_predict_batch`.
fn name(endpoint: &Endpoint) -> String {
    let parts = endpoint.path.split(['/', '{', '}', '.']);
    let parts = parts.filter(|part| !part.is_empty());
    std::iter::once(endpoint.method)
        .chain(parts)
        .collect::<Vec<_>>()
        .join("_")
}

fn parameter(parameter: &Parameter) -> Json {
    let schema = match parameter.value {
        Value::Text => json!({"type": "string"}),
        Value::OneOf(values) => json!({"type": "string", "enum": values}),
        Value::Integer {
            least,
            most,
            default,
        } => {
            let mut schema = json!({"type": "integer", "minimum": least});
            for (key, value) in [("maximum", most), ("default", default)] {
                if let Some(value) = value {
                    schema[key] = value.into();
                }
            }
            schema
        }
    };
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": schema,
    })
}

fn body(body: Body) -> Option<Json> {
    let file = json!({"type": "string", "contentMediaType": "application/octet-stream"});
    let form =
        |file: Json| json!({"type": "object", "required": ["file"], "properties": {"file": file}});
    let content = match body {
        Body::Nothing => return None,
        Body::Photograph => {
            let mut content = json!({"multipart/form-data": {"schema": form(file)}});
            for image in IMAGES {
                content[image] = json!({});
            }
            content
        }
        Body::Photographs => {
            let files = json!({"type": "array", "minItems": 1, "items": file});
            json!({"multipart/form-data": {"schema": form(files)}})
        }
        Body::Inference => json!({
            "application/json": {"schema": reference("InferenceRequest")},
            "application/octet-stream": {},
        }),
    };
    Some(json!({"required": true, "content": content}))
}

fn responses(endpoint: &Endpoint) -> Json {
    let mut responses = BTreeMap::from([("200".to_owned(), success(endpoint.answer))]);
    let error = if endpoint.path.starts_with("/v2") {
        "InferenceError"
    } else {
        "Error"
    };
    for status in endpoint.statuses().filter(|&status| status != 200) {
        let codes = endpoint.refusals().filter(|code| code.status() == status);
        responses.insert(status.to_string(), refusal(&codes.copied(), error));
    }
    json!(responses)
}

fn success(answer: Answer) -> Json {
    let plain = |types: &[&str]| {
        let content = types.iter().map(|&kind| (kind.to_owned(), json!({})));
        Json::Object(content.collect())
    };
    let (description, content) = match answer {
        Answer::Json(schema) => (
            "The answer.",
            json!({"application/json": {"schema": reference(schema)}}),
        ),
        Answer::JsonOr(schema, kind) => {
            let mut content = plain(&[kind]);
            content["application/json"] = json!({"schema": reference(schema)});
            ("The answer.", content)
        }
        Answer::Image => ("The image, as an attachment.", plain(&IMAGES)),
        Answer::Content(types) => ("The content.", plain(types)),
        Answer::Inference => (
            "The answer, as JSON or, where an output is asked for in binary, as JSON followed by the data.",
            json!({
                "application/json": {"schema": reference("InferenceResponse")},
                "application/octet-stream": {},
            }),
        ),
    };
    json!({"description": description, "content": content})
}

/// One status with each of its codes.
fn refusal(codes: &(impl Iterator<Item = Code> + Clone), schema: &str) -> Json {
    let meanings = codes
        .clone()
        .map(|code| format!("`{}`: {}", code.name(), code.meaning()));
    let mut refusal = json!({
        "description": meanings.collect::<Vec<_>>().join("\n\n"),
        "content": {
            "application/json": {"schema": reference(schema)},
            PROBLEM: {"schema": reference("Problem")},
        },
    });
    if codes.clone().any(|code| code.retry_after().is_some()) {
        refusal["headers"] = json!({"Retry-After": {
            "description": "Seconds after which another try may succeed.",
            "schema": {"type": "integer", "minimum": 0},
        }});
    }
    refusal
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn what_is_referred_to_is_there() {
        let document = document();
        let text = document.to_string();
        let marker = "\"$ref\":\"#/components/schemas/";
        for part in text.split(marker).skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"].get(name).is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_summary() {
        let mut names: Vec<_> = endpoints().map(name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for endpoint in endpoints() {
            assert!(!endpoint.summary.is_empty(), "{}", endpoint.path);
            assert!(
                TAGS.iter().any(|(tag, _)| *tag == endpoint.tag),
                "{}",
                endpoint.path
            );
        }
    }
}
