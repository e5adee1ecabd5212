//! The served model.

use super::super::endpoint::{Answer, Body, Endpoint, Parameter, Value};
use crate::Code;

const FILE: &[Parameter] = &[Parameter {
    name: "name",
    place: "path",
    description: "Name of the file.",
    value: Value::OneOf(&[
        "training_curves.png",
        "confusion_matrix.png",
        "metrics.json",
        "MODEL_CARD.md",
    ]),
}];

pub(super) const ENDPOINTS: &[Endpoint] = &[
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
            "Load the model anew",
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
