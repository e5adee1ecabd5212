//! Health, metrics, documentation.

use super::super::endpoint::{Answer, Endpoint};
use crate::Code;

const PAGE: Answer = Answer::Content(&["text/html"]);

pub(super) const ENDPOINTS: &[Endpoint] = &[
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
        .about(
            "Say whether requests are welcome",
            "Send none while this fails.",
        )
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
