//! The Open Inference Protocol.

use super::super::endpoint::{Answer, Body, Endpoint, Parameter, Value};
use crate::Code;

const TAG: &str = "open inference";

const NAME: Parameter = Parameter {
    name: "name",
    place: "path",
    description: "Name of the model, as `/model` tells it.",
    value: Value::Text,
};

const VERSION: Parameter = Parameter {
    name: "version",
    place: "path",
    description: "Version of the model.",
    value: Value::Text,
};

const LENGTH: Parameter = Parameter {
    name: "Inference-Header-Content-Length",
    place: "header",
    description: "Length of the JSON part in bytes where binary data follow it.",
    value: Value::Integer {
        least: 0,
        most: None,
        default: None,
    },
};

const DESCRIBE: Endpoint = Endpoint::get("/v2/models/{name}", TAG, "InferenceModel")
    .about("Describe the model", "Its inputs and outputs.")
    .refusing(&[Code::NotFound]);

const READY: Endpoint = Endpoint::get("/v2/models/{name}/ready", TAG, "ModelReady")
    .about(
        "Say whether the model takes requests",
        "Send none while this fails.",
    )
    .refusing(&[Code::NotFound, Code::NotReady]);

const INFER: Endpoint = Endpoint::post("/v2/models/{name}/infer", TAG, Answer::Inference)
    .about(
        "Run the model",
        "The input `input` takes FP32 tensors `[n, 3, 224, 224]`, or BYTES `[n]`: image files, in \
         JSON as base64. The outputs are `output` (logits), `probabilities` and `class`.",
    )
    .taking(Body::Inference)
    .refusing(&[
        Code::BadParameter,
        Code::BadRequest,
        Code::Undecodable,
        Code::NotFound,
        Code::UploadTimeout,
        Code::TooLarge,
        Code::UnsupportedFormat,
        Code::Busy,
        Code::Internal,
        Code::NotReady,
        Code::DeadlinePassed,
    ]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v2", TAG, "Server").about("Describe the service", "Its name and extensions."),
    Endpoint::get("/v2/health/live", TAG, "Live").about("Say that the process runs", ""),
    Endpoint::get("/v2/health/ready", TAG, "Ready")
        .about("Say whether requests are welcome", "")
        .refusing(&[Code::NotReady]),
    DESCRIBE.with(&[NAME]),
    READY.with(&[NAME]),
    INFER.with(&[NAME, LENGTH]),
    Endpoint {
        path: "/v2/models/{name}/versions/{version}",
        parameters: &[NAME, VERSION],
        ..DESCRIBE
    },
    Endpoint {
        path: "/v2/models/{name}/versions/{version}/ready",
        parameters: &[NAME, VERSION],
        ..READY
    },
    Endpoint {
        path: "/v2/models/{name}/versions/{version}/infer",
        parameters: &[NAME, VERSION, LENGTH],
        ..INFER
    },
];
