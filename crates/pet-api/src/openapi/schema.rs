//! What the JSON of requests and answers looks like.

use serde_json::{Map, Value, json};

/// A reference to a schema by its name.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Every schema by its name.
pub(crate) fn schemas() -> Value {
    let all = [
        predictions(),
        model(),
        feedback(),
        service(),
        inference_models(),
        inference(),
    ];
    Value::Object(all.into_iter().flatten().collect())
}

/// An object of which all fields are required, but for those whose name ends in `?`.
fn object(fields: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in fields.as_object().into_iter().flatten() {
        let plain = name.trim_end_matches('?');
        if plain == name {
            required.push(plain);
        }
        properties.insert(plain.to_owned(), schema.clone());
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn named(schemas: &[(&str, Value)]) -> Map<String, Value> {
    let schemas = schemas.iter();
    schemas
        .map(|(name, fields)| ((*name).to_owned(), object(fields)))
        .collect()
}

fn array(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn perhaps(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn share() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 1})
}

fn known() -> Value {
    json!({
        "type": "boolean",
        "description": "Whether the photograph shows one of the classes at all; absent where the model cannot tell.",
    })
}

fn similarity() -> Value {
    json!({
        "type": "number",
        "minimum": -1,
        "maximum": 1,
        "description": "How much the photograph is like those of the nearest class: the cosine between features.",
    })
}

fn predictions() -> Map<String, Value> {
    let milliseconds = json!({"type": "number", "minimum": 0});
    named(&[
        (
            "Error",
            json!({
                "detail": {"type": "string", "description": "What is wrong."},
                "code": {"type": "string", "description": "The row of the table of refusals."},
                "hint?": {"type": "string", "description": "What can be done about it."},
            }),
        ),
        (
            "Problem",
            json!({
                "type": {"type": "string", "description": "Where the code is explained."},
                "title": {"type": "string", "description": "What the code means."},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string", "description": "What is wrong."},
                "code": {"type": "string", "description": "The row of the table of refusals."},
                "hint?": {"type": "string", "description": "What can be done about it."},
            }),
        ),
        ("Ranked", json!({"class": text(), "probability": share()})),
        (
            "Timing",
            json!({
                "queue": milliseconds,
                "decode": milliseconds,
                "preprocess": milliseconds,
                "inference": milliseconds,
            }),
        ),
        (
            "Prediction",
            json!({
                "predicted_class": text(),
                "confidence": share(),
                "all_classes": array(&text()),
                "known?": known(),
                "similarity?": similarity(),
                "top_k?": array(&reference("Ranked")),
                "model_version?": perhaps(&text()),
                "timing?": reference("Timing"),
            }),
        ),
        (
            "Explanation",
            json!({
                "class": text(),
                "probability": share(),
                "logit": {"type": "number"},
                "bias": {"type": "number", "description": "What the class gets whatever the photograph shows."},
                "region": {
                    "type": "array",
                    "minItems": 4,
                    "maxItems": 4,
                    "items": {"type": "number"},
                    "description": "Left, top, width and height of the part that the rows lie over, in pixels.",
                },
                "rows": array(&array(&json!({"type": "number"}))),
            }),
        ),
        (
            "Predicted",
            json!({
                "file": perhaps(&text()),
                "predicted_class": text(),
                "confidence": share(),
                "known?": known(),
                "similarity?": similarity(),
                "top_k?": array(&reference("Ranked")),
            }),
        ),
        (
            "Refused",
            json!({"file": perhaps(&text()), "error": reference("Error")}),
        ),
        (
            "Predictions",
            json!({
                "predictions": array(&json!({"anyOf": [reference("Predicted"), reference("Refused")]})),
            }),
        ),
    ])
}

fn model() -> Map<String, Value> {
    let number = json!({"type": "number"});
    named(&[
        ("Classes", json!({"classes": array(&text())})),
        (
            "Tensor",
            json!({"name": text(), "shape": array(&json!({"type": "integer", "minimum": -1}))}),
        ),
        (
            "Model",
            json!({
                "name": text(),
                "version": perhaps(&text()),
                "run_id": perhaps(&text()),
                "val_acc": perhaps(&share()),
                "classes": {"type": "integer", "minimum": 1},
                "input": reference("Tensor"),
                "output": reference("Tensor"),
                "preprocess": object(&json!({
                    "resize": {"type": "object"},
                    "mean": array(&number),
                    "standard_deviation": array(&number),
                    "layout": text(),
                })),
                "loaded_at": {"type": "integer", "description": "Seconds since 1970-01-01 UTC."},
                "feedback": {"type": "boolean", "description": "Whether corrections are kept."},
                "files": array(&text()),
            }),
        ),
    ])
}

fn feedback() -> Map<String, Value> {
    let count = json!({"type": "integer", "minimum": 0});
    named(&[
        (
            "Correction",
            json!({
                "class": text(),
                "predicted_class": text(),
                "correct": {"type": "boolean"},
                "model_version": perhaps(&text()),
            }),
        ),
        (
            "Corrections",
            json!({
                "count": count,
                "bytes": count,
                "classes": {"type": "object", "additionalProperties": count},
                "max_count": count,
                "max_bytes": count,
            }),
        ),
    ])
}

fn service() -> Map<String, Value> {
    let mut schemas = named(&[
        (
            "Health",
            json!({"status": text(), "service": text(), "version": text()}),
        ),
        ("State", json!({"status": text()})),
    ]);
    schemas.insert(
        "Document".into(),
        json!({"type": "object", "description": "This document."}),
    );
    schemas
}

fn inference_models() -> Map<String, Value> {
    let yes = json!({"type": "boolean"});
    named(&[
        (
            "Server",
            json!({"name": text(), "version": text(), "extensions": array(&text())}),
        ),
        ("Live", json!({"live": yes})),
        ("Ready", json!({"ready": yes})),
        ("ModelReady", json!({"name": text(), "ready": yes})),
        (
            "TensorMetadata",
            json!({
                "name": text(),
                "datatype": text(),
                "shape": array(&json!({"type": "integer", "minimum": -1})),
            }),
        ),
        (
            "InferenceModel",
            json!({
                "name": text(),
                "versions": array(&text()),
                "platform": text(),
                "inputs": array(&reference("TensorMetadata")),
                "outputs": array(&reference("TensorMetadata")),
            }),
        ),
        (
            "InferenceError",
            json!({
                "error": {"type": "string", "description": "What is wrong."},
                "detail": {"type": "string", "description": "The same."},
                "code": {"type": "string", "description": "The row of the table of refusals."},
                "hint?": {"type": "string", "description": "What can be done about it."},
            }),
        ),
    ])
}

fn inference() -> Map<String, Value> {
    let extents = array(&json!({"type": "integer", "minimum": 0}));
    let data = json!({"type": "array", "description": "Flat, or nested as the shape is."});
    let size = object(&json!({"binary_data_size?": {"type": "integer", "minimum": 0}}));
    named(&[
        (
            "InferenceInput",
            json!({
                "name": text(),
                "datatype": {"type": "string", "enum": ["FP32", "BYTES"]},
                "shape": extents,
                "parameters?": size,
                "data?": data,
            }),
        ),
        (
            "InferenceOutput",
            json!({
                "name": {"type": "string", "enum": ["output", "probabilities", "class"]},
                "parameters?": object(&json!({
                    "binary_data?": {"type": "boolean"},
                    "classification?": {"type": "integer", "minimum": 1},
                })),
            }),
        ),
        (
            "InferenceRequest",
            json!({
                "id?": text(),
                "parameters?": object(&json!({"binary_data_output?": {"type": "boolean"}})),
                "inputs": array(&reference("InferenceInput")),
                "outputs?": array(&reference("InferenceOutput")),
            }),
        ),
        (
            "InferenceTensor",
            json!({
                "name": text(),
                "datatype": text(),
                "shape": extents,
                "parameters?": size,
                "data?": {"type": "array"},
            }),
        ),
        (
            "InferenceResponse",
            json!({
                "model_name": text(),
                "model_version?": text(),
                "id?": text(),
                "outputs": array(&reference("InferenceTensor")),
            }),
        ),
    ])
}
