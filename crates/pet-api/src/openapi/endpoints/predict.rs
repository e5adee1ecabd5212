//! Predicting.

use super::super::endpoint::{Answer, Body, Endpoint, Parameter, Value};

const TOP_K: Parameter = Parameter {
    name: "top_k",
    place: "query",
    description: "Adds this many of the most probable classes, the time it took and the model's version.",
    value: Value::Integer {
        least: 1,
        most: Some(65_535),
        default: None,
    },
};

const SEED: Parameter = Parameter {
    name: "seed",
    place: "query",
    description: "Taken for the sake of older clients. The answer to a photograph is always the same.",
    value: Value::Integer {
        least: i64::MIN,
        most: None,
        default: None,
    },
};

const CLASS: Parameter = Parameter {
    name: "class",
    place: "query",
    description: "The class to explain; the most probable one unless given.",
    value: Value::Text,
};

const FORMAT: Parameter = Parameter {
    name: "format",
    place: "query",
    description: "`json` for the numbers, `png` for a picture of them over the photograph.",
    value: Value::OneOf(&["json", "png"]),
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("/predict", "predict", Answer::Json("Prediction"))
        .about(
            "Predict the breed",
            "The most probable class of one photograph.",
        )
        .with(&[TOP_K, SEED]),
    Endpoint::post("/predict/batch", "predict", Answer::Json("Predictions"))
        .about(
            "Predict the breeds of several photographs",
            "The answers stand in the order of the files. One that cannot be used has its refusal \
             in its place and spoils no other.",
        )
        .with(&[TOP_K])
        .taking(Body::Photographs),
    Endpoint::post(
        "/explain",
        "predict",
        Answer::JsonOr("Explanation", "image/png"),
    )
    .about(
        "Explain the answer to a photograph",
        "How much each place of the photograph speaks for a class: a class activation map, whose \
             cells and the bias add up to the class's logit.",
    )
    .with(&[CLASS, FORMAT]),
];
