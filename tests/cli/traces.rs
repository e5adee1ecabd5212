//! `pet-cli serve --otlp-endpoint`: what a collector of traces gets, and that nobody else notices.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use pet_tests::{Service, results, sample_pictures};
use serde_json::json;

use crate::collector::{Collector, attribute};
use crate::test_dir::TestDir;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A name that must not leave the machine.
const SECRET: &str = "grandmothers-cat";

/// The service, which sends what it has ten times a second.
fn traced(dir: &TestDir, endpoint: &str, more: &str) -> Service {
    let arguments = format!("serve --port 0 --log-format json --otlp-endpoint {endpoint} {more}");
    Service::start(
        dir.command(&arguments)
            .env("OTEL_BSP_SCHEDULE_DELAY", "100"),
    )
}

/// The answer to photographs in a form.
fn upload(service: &Service, path: &str, count: usize, head: &str) -> String {
    let name = format!("{SECRET}.jpg");
    let pictures = sample_pictures(count).into_iter();
    let pictures: Vec<_> = pictures.map(|picture| (name.as_str(), picture)).collect();
    let answer = service.upload(path, head, &pictures);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The header `traceparent` of an answer.
fn place(answer: &str) -> Option<&str> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix("traceparent: "))
}

fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\n")
}

/// How many spans were lost.
fn lost(service: &Service) -> u64 {
    let metrics = service.get("/metrics");
    let mut lines = metrics.lines();
    let lost = lines.find_map(|line| line.strip_prefix("pet_spans_lost_total "));
    lost.unwrap().parse().unwrap()
}

/// The spans of one trace by name, each of which is there once.
fn by_name(spans: &[Span]) -> BTreeMap<&str, &Span> {
    let named: BTreeMap<_, _> = spans
        .iter()
        .map(|span| (span.name.as_str(), span))
        .collect();
    assert_eq!(named.len(), spans.len(), "{spans:?}");
    named
}

#[test]
fn a_collector_sees_what_is_done_for_a_request() {
    let Some(dir) = TestDir::with_runtime("a_collector_sees_what_is_done_for_a_request") else {
        return;
    };
    let collector = Collector::start(200);
    let arguments = format!(
        "serve --port 0 --log-format json --otlp-endpoint {}/",
        collector.url
    );
    let mut command = dir.command(&arguments);
    command
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-mlflow-experiment-id=7")
        .env("OTEL_SERVICE_NAME", "breeds")
        // The committed model, which has a version.
        .env("PET_RESULTS", results());
    let mut service = Service::start(&mut command);
    let header = format!("{}x-request-id: order-66\r\n", traceparent("01"));
    let answer = upload(&service, "/predict?top_k=1", 1, &header);
    let entry = service.logged("answered");
    assert_eq!(entry["trace_id"], TRACE);

    let spans = collector.spans_with("POST /predict");
    let named = by_name(&spans);
    let request = named["POST /predict"];
    let place = place(&answer).unwrap();
    let own = u64::from_be_bytes(request.span_id.clone().try_into().unwrap());
    assert_eq!(place, format!("00-{TRACE}-{own:016x}-01"));
    assert_eq!(
        request.parent_span_id,
        0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()
    );
    assert_eq!(request.kind, SpanKind::Server as i32);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/predict"),
        ("http.response.status_code", "200"),
        ("request.id", "order-66"),
    ] {
        assert_eq!(attribute(&request.attributes, name).as_deref(), Some(value));
    }
    let version = attribute(&request.attributes, "model.version").unwrap();
    assert!(
        answer.contains(&format!("\"model_version\":\"{version}\"")),
        "{answer}"
    );

    let phases = ["queue", "decode", "preprocess", "infer"].map(|name| named[name]);
    assert_eq!(named.len(), 5, "{named:?}");
    for phase in phases {
        assert_eq!(phase.parent_span_id, request.span_id);
        assert_eq!(phase.trace_id, request.trace_id);
        assert!(request.start_time_unix_nano <= phase.start_time_unix_nano);
        assert!(phase.start_time_unix_nano < phase.end_time_unix_nano);
        assert!(phase.end_time_unix_nano <= request.end_time_unix_nano);
    }
    for both in phases.windows(2) {
        assert!(
            both[0].end_time_unix_nano <= both[1].start_time_unix_nano,
            "{both:?}"
        );
    }
    assert!(!format!("{spans:?}").contains(SECRET));

    let (head, resource) = collector.first();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    assert!(head.contains("x-mlflow-experiment-id: 7"), "{head}");
    assert_eq!(
        attribute(&resource, "service.name").as_deref(),
        Some("breeds")
    );
}

#[test]
fn every_kind_of_work_has_its_spans() {
    let Some(dir) = TestDir::with_model("every_kind_of_work_has_its_spans") else {
        return;
    };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "--workers 2");
    let work = ["queue", "decode", "preprocess", "infer"];
    upload(&service, "/explain", 1, "");
    let named = collector.spans_with("POST /explain");
    by_name(&named);
    assert!(
        work.iter()
            .all(|name| named.iter().any(|span| span.name == *name))
    );

    // Two photographs, each with its own phases.
    upload(&service, "/predict/batch", 2, "");
    let spans = collector.spans_with("POST /predict/batch");
    assert_images(&spans, "POST /predict/batch", &work);

    let model = service.get("/model");
    let model: serde_json::Value =
        serde_json::from_str(model.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let path = format!("/v2/models/{}/infer", model["name"].as_str().unwrap());
    let tensor = vec![0.5; 3 * 224 * 224];
    let body = json!({"inputs": [
        {"name": "input", "shape": [1, 3, 224, 224], "datatype": "FP32", "data": tensor}
    ]});
    let head = "Content-Type: application/json\r\n";
    let answer = service.post(&path, head, body.to_string().as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let spans = collector.spans_with("POST /v2/models/{name}/infer");
    assert_images(&spans, "POST /v2/models/{name}/infer", &["queue", "infer"]);
}

/// The images of a request have each of the phases.
fn assert_images(spans: &[Span], name: &str, phases: &[&str]) {
    let request = spans.iter().find(|span| span.name == name).unwrap();
    assert!(attribute(&request.attributes, "model.name").is_some());
    let children = |parent: &Span| {
        let id = parent.span_id.clone();
        spans.iter().filter(move |span| span.parent_span_id == id)
    };
    let images: Vec<_> = children(request)
        .filter(|span| span.name == "image")
        .collect();
    assert!(!images.is_empty(), "{spans:?}");
    for image in images {
        let names: Vec<_> = children(image).map(|span| span.name.as_str()).collect();
        assert_eq!(names, phases);
    }
}

#[test]
fn what_is_not_sampled_is_not_sent() {
    let Some(dir) = TestDir::with_model("what_is_not_sampled_is_not_sent") else {
        return;
    };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "--trace-share 0");
    let answer = upload(&service, "/predict", 1, &traceparent("00"));
    assert!(place(&answer).unwrap().starts_with(&format!("00-{TRACE}-")));
    assert!(place(&answer).unwrap().ends_with("-00"));
    let own = upload(&service, "/predict", 1, "");
    assert!(place(&own).unwrap().ends_with("-00"), "{own}");
    let malformed = upload(&service, "/predict", 1, "traceparent: 00-xyz-01\r\n");
    assert!(!malformed.contains("xyz"), "{malformed}");
    // The caller's word holds against the share.
    upload(&service, "/grayscale", 1, &traceparent("01"));
    let spans = collector.spans_with("POST /grayscale");
    assert_eq!(by_name(&spans).len(), 4, "{spans:?}");
}

#[test]
fn probes_are_traced_as_a_part_of_a_trace_only() {
    let Some(dir) = TestDir::with_model("probes_are_traced_as_a_part_of_a_trace_only") else {
        return;
    };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "");
    for path in ["/health/ready", "/metrics", "/v2/health/live"] {
        assert_eq!(place(&service.get(path)), None, "{path}");
    }
    let answer = service.get("/classes");
    assert!(place(&answer).unwrap().ends_with("-01"), "{answer}");
    let spans = collector.spans_with("GET /classes");
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert!(spans[0].parent_span_id.is_empty());
}

#[test]
fn what_the_shadow_does_is_part_of_no_trace() {
    let Some(dir) = TestDir::with_model("what_the_shadow_does_is_part_of_no_trace") else {
        return;
    };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "--results results --shadow results");
    upload(&service, "/predict", 1, "");
    let agreed = |line: &str| line.contains("outcome=\"agreed\"") && line.ends_with(" 1");
    while !service.get("/metrics").lines().any(agreed) {
        std::thread::sleep(Duration::from_millis(20));
    }
    service.get("/classes");
    let spans = collector.spans_with("GET /classes");
    assert_eq!(by_name(&spans).len(), 6, "{spans:?}");
}

#[cfg(unix)]
#[test]
fn what_waits_is_sent_at_the_stop() {
    let Some(dir) = TestDir::with_model("what_waits_is_sent_at_the_stop") else {
        return;
    };
    let collector = Collector::start(200);
    let arguments = format!(
        "serve --port 0 --log-format json --otlp-endpoint {}",
        collector.url
    );
    let mut command = dir.command(&arguments);
    let mut service = Service::start(command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000"));
    upload(&service, "/predict", 1, "");
    service.signal("-TERM");
    assert_eq!(service.exit(), Some(0));
    assert_eq!(collector.spans_with("POST /predict").len(), 5);
}

#[cfg(unix)]
#[test]
fn a_collector_that_hangs_or_refuses_changes_nothing() {
    let Some(dir) = TestDir::with_model("a_collector_that_hangs_or_refuses_changes_nothing") else {
        return;
    };
    let refusing = Collector::start(400);
    let mut service = traced(&dir, &refusing.url, "");
    upload(&service, "/predict", 1, "");
    refusing.is_asked();
    let entry =
        service.logged("the collector takes no spans; they are lost, and nothing else changes");
    assert!(entry["reason"].as_str().unwrap().contains("400"), "{entry}");
    // They may be sent in two parts.
    while lost(&service) < 5 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(lost(&service), 5);

    // It takes the connection and says nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let mut service = traced(&dir, &url, "--grace 1");
    upload(&service, "/predict", 1, "");
    let mut connection = hanging.accept().unwrap().0;
    connection.read_exact(&mut [0; 16]).unwrap();
    // More than may wait, so that some are lost without the collector having said a word.
    for _ in 0..2100 {
        assert!(service.get("/classes").starts_with("HTTP/1.1 200"));
        // A log that nobody reads would hold it up.
        service.logged("answered");
    }
    assert!(lost(&service) > 0);
    service.signal("-TERM");
    service.logged("not all spans were delivered");
    assert_eq!(service.exit(), Some(0));
}

#[test]
fn what_is_no_address_of_a_collector_is_said_at_once() {
    let dir = TestDir::new();
    dir.refused("serve --port 0 --otlp-endpoint here:4318")
        .naming(&["here:4318", "http://HOST:PORT"])
        .hinting("OTEL_EXPORTER_OTLP_ENDPOINT");
    let wrong = dir.run("serve --port 0 --trace-share 2");
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
}
