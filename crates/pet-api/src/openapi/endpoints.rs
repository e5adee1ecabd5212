//! Every endpoint.

use crate::error::Code;
use crate::openapi::endpoint::{Answer, Body, Endpoint, Parameter, Value};

/// Every endpoint, in the order of the documentation.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [PREDICT, FEEDBACK, IMAGE, MODEL, SERVICE, INFERENCE]
        .into_iter()
        .flatten()
}

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

const PREDICT: &[Endpoint] = &[
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
        "How much each region of the photograph supports a class: a class activation map, whose \
             cells and the bias add up to the class's logit.",
    )
    .with(&[CLASS, FORMAT]),
];

const RIGHT: Parameter = Parameter {
    name: "class",
    place: "query",
    description: "The right class, one of the model's; the predicted one confirms the answer.",
    value: Value::Text,
};

const FEEDBACK: &[Endpoint] = &[
    Endpoint::post("/feedback", "feedback", Answer::Json("Correction"))
        .about(
            "Correct or confirm an answer",
            "Keeps the photograph, without its metadata, with the right class. Only where the service was started with a \
             folder for corrections, and not for the page of another site, which a browser tells by `Sec-Fetch-Site`.",
        )
        .with(&[RIGHT])
        .refusing_besides(&[Code::CrossSite, Code::NotFound, Code::Full]),
    Endpoint::get("/feedback", "feedback", "Corrections")
        .about("Count the corrections", "By class, with the limits.")
        .refusing(&[Code::Unauthorized, Code::NotFound])
        .guarded(),
];

const fn pixels(
    name: &'static str,
    description: &'static str,
    least: i64,
    default: i64,
) -> Parameter {
    Parameter {
        name,
        place: "query",
        description,
        value: Value::Integer {
            least,
            most: Some(u32::MAX as i64),
            default: Some(default),
        },
    }
}

const SIZE: &[Parameter] = &[
    pixels("width", "Width in pixels.", 1, 224),
    pixels("height", "Height in pixels.", 1, 224),
];

const BOX: &[Parameter] = &[
    pixels("left", "First column that is kept, from 0.", 0, 0),
    pixels("top", "First row that is kept, from 0.", 0, 0),
    pixels("right", "First column that is cut off again.", 0, 224),
    pixels("bottom", "First row that is cut off again.", 0, 224),
];

const IMAGE: &[Endpoint] = &[
    Endpoint::post("/resize", "image", Answer::Image)
        .about("Resize", "Stretches the picture to a size (Lanczos).")
        .with(SIZE),
    Endpoint::post("/grayscale", "image", Answer::Image)
        .about("Convert to grayscale", "Leaves one channel of eight bits."),
    Endpoint::post("/crop", "image", Answer::Image)
        .about(
            "Crop",
            "Cuts a box out; what lies outside of the picture is black.",
        )
        .with(BOX),
    Endpoint::post("/normalize", "image", Answer::Image).about(
        "Normalize",
        "Takes the mean off each channel, divides by its standard deviation and spreads the result \
         over all levels.",
    ),
];

const FILE: &[Parameter] = &[Parameter {
    name: "name",
    place: "path",
    description: "Name of the file.",
    value: Value::OneOf(&[
        "training_curves.png",
        "confusion_matrix.png",
        "mistakes.png",
        "metrics.json",
        "selection.json",
        "MODEL_CARD.md",
    ]),
}];

const MODEL: &[Endpoint] = &[
    Endpoint::get("/classes", "model", "Classes")
        .about("List the classes", "In the order of the model's output."),
    Endpoint::get("/model", "model", "Model").about(
        "Describe the model",
        "Where it comes from and what it takes.",
    ),
    Endpoint::get("/model/files/{name}", "model", "")
        .about(
            "Read a file about the model",
            "Figures and pictures, where there are any.",
        )
        .with(FILE)
        .giving(Answer::Content(&[
            "image/png",
            "application/json",
            "text/markdown",
        ]))
        .refusing(&[Code::NotFound, Code::Internal]),
    Endpoint::post("/model/reload", "model", Answer::Json("Model"))
        .about(
            "Reload the model",
            "No request is dropped; a model that does not load leaves the old one in its place.",
        )
        .taking(Body::Nothing)
        .refusing(&[
            Code::Unauthorized,
            Code::NotFound,
            Code::Internal,
            Code::NotReady,
        ])
        .guarded(),
];

const PAGE: Answer = Answer::Content(&["text/html"]);

const SERVICE: &[Endpoint] = &[
    Endpoint::get("/", "service", "")
        .about("Open the page", "For people.")
        .giving(PAGE),
    Endpoint::get("/health", "service", "Health").about(
        "Say that the service is healthy",
        "As long as the process runs.",
    ),
    Endpoint::get("/health/live", "service", "State")
        .about("Say that the process runs", "Restart it when this fails."),
    Endpoint::get("/health/ready", "service", "State")
        .about("Readiness check", "Send no requests while this fails.")
        .refusing(&[Code::NotReady]),
    Endpoint::get("/metrics", "service", "")
        .about("Read the metrics", "In Prometheus' text format.")
        .giving(Answer::Content(&["text/plain"])),
    Endpoint::get("/openapi.json", "service", "Document")
        .about("Read this document", "OpenAPI 3.1."),
    Endpoint::get("/docs", "service", "")
        .about("Open this documentation", "For people.")
        .giving(PAGE),
];

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
        "Send no requests while this fails.",
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
        Code::UnsupportedEncoding,
        Code::Busy,
        Code::Internal,
        Code::NotReady,
        Code::DeadlinePassed,
    ]);

const INFERENCE: &[Endpoint] = &[
    Endpoint::get("/v2", TAG, "Server").about("Describe the service", "Its name and extensions."),
    Endpoint::get("/v2/health/live", TAG, "Live").about("Say that the process runs", ""),
    Endpoint::get("/v2/health/ready", TAG, "Ready")
        .about("Readiness check", "")
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
