//! `pet-cli serve --otlp-endpoint`, with a minimal trace collector: an HTTP server that records OTLP requests.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use pet_tests::{Service, results, sample_pictures};
use prost::Message as _;
use serde_json::json;

use crate::test_dir::TestDir;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A file name that must not be sent.
const SECRET: &str = "grandmothers-cat";

/// Far longer than spans take, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Starts a service that sends spans ten times per second.
fn traced(dir: &TestDir, endpoint: &str, more: &str) -> Service {
    let arguments = format!("serve --port 0 --log-format json --otlp-endpoint {endpoint} {more}");
    Service::start(dir.command(&arguments).env("OTEL_BSP_SCHEDULE_DELAY", "100"))
}

/// Uploads photos in a form, and returns the response.
fn upload(service: &Service, path: &str, count: usize, head: &str) -> String {
    let name = format!("{SECRET}.jpg");
    let pictures = sample_pictures(count).into_iter();
    let pictures: Vec<_> = pictures.map(|picture| (name.as_str(), picture)).collect();
    let answer = service.upload(path, head, &pictures);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The header `traceparent` of a response.
fn traceparent_of(answer: &str) -> Option<&str> {
    answer.lines().find_map(|line| line.strip_prefix("traceparent: "))
}

fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\n")
}

/// The metric of lost spans.
fn lost(service: &Service) -> u64 {
    let metrics = service.get("/metrics");
    let mut lines = metrics.lines();
    let lost = lines.find_map(|line| line.strip_prefix("pet_spans_lost_total "));
    lost.unwrap().parse().unwrap()
}

/// The spans of a trace by name. Each name must occur once.
fn by_name(spans: &[Span]) -> BTreeMap<&str, &Span> {
    let named: BTreeMap<_, _> = spans.iter().map(|span| (span.name.as_str(), span)).collect();
    assert_eq!(named.len(), spans.len(), "{spans:?}");
    named
}

#[test]
fn a_request_has_spans_for_its_phases() {
    let Some(dir) = TestDir::with_runtime() else { return };
    let collector = Collector::start(200);
    let arguments = format!("serve --port 0 --log-format json --otlp-endpoint {}/", collector.url);
    let mut command = dir.command(&arguments);
    command
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-mlflow-experiment-id=7")
        .env("OTEL_SERVICE_NAME", "breeds")
        // The built-in model, which has a version.
        .env("PET_RESULTS", results());
    let mut service = Service::start(&mut command);
    let header = format!("{}x-request-id: order-66\r\n", traceparent("01"));
    let answer = upload(&service, "/predict?top_k=1", 1, &header);
    let entry = service.logged("answered");
    assert_eq!(entry["trace_id"], TRACE);

    let spans = collector.spans_with("POST /predict");
    let named = by_name(&spans);
    let request = named["POST /predict"];
    let place = traceparent_of(&answer).unwrap();
    let own = u64::from_be_bytes(request.span_id.clone().try_into().unwrap());
    assert_eq!(place, format!("00-{TRACE}-{own:016x}-01"));
    assert_eq!(request.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
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
    assert!(answer.contains(&format!("\"model_version\":\"{version}\"")), "{answer}");

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
        assert!(both[0].end_time_unix_nano <= both[1].start_time_unix_nano, "{both:?}");
    }
    assert!(!format!("{spans:?}").contains(SECRET));

    let (head, resource) = collector.first();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    assert!(head.contains("x-mlflow-experiment-id: 7"), "{head}");
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("breeds"));
}

#[test]
fn every_endpoint_has_spans() {
    let Some(dir) = TestDir::with_model() else { return };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "--workers 2");
    let work = ["queue", "decode", "preprocess", "infer"];
    upload(&service, "/explain?format=png", 1, "");
    let spans = collector.spans_with("POST /explain");
    let named = by_name(&spans);
    assert!(work.iter().chain(&["draw"]).all(|name| named.contains_key(name)), "{named:?}");

    // Each of the two photos has its own phases.
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

/// Checks that each image of a request has all phases.
fn assert_images(spans: &[Span], name: &str, phases: &[&str]) {
    let request = spans.iter().find(|span| span.name == name).unwrap();
    assert!(attribute(&request.attributes, "model.name").is_some());
    let children = |parent: &Span| {
        let id = parent.span_id.clone();
        spans.iter().filter(move |span| span.parent_span_id == id)
    };
    let images: Vec<_> = children(request).filter(|span| span.name == "image").collect();
    assert!(!images.is_empty(), "{spans:?}");
    for image in images {
        let names: Vec<_> = children(image).map(|span| span.name.as_str()).collect();
        assert_eq!(names, phases);
    }
}

#[test]
fn only_sampled_traces_are_sent() {
    let Some(dir) = TestDir::with_model() else { return };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "--trace-share 0");
    let answer = upload(&service, "/predict", 1, &traceparent("00"));
    assert!(traceparent_of(&answer).unwrap().starts_with(&format!("00-{TRACE}-")));
    assert!(traceparent_of(&answer).unwrap().ends_with("-00"));
    let own = upload(&service, "/predict", 1, "");
    assert!(traceparent_of(&own).unwrap().ends_with("-00"), "{own}");
    let malformed = upload(&service, "/predict", 1, "traceparent: 00-xyz-01\r\n");
    assert!(!malformed.contains("xyz"), "{malformed}");
    // The caller's decision overrides the sampling rate.
    upload(&service, "/grayscale", 1, &traceparent("01"));
    let spans = collector.spans_with("POST /grayscale");
    assert_eq!(by_name(&spans).len(), 4, "{spans:?}");
}

#[test]
fn probes_are_traced_only_as_part_of_a_trace() {
    let Some(dir) = TestDir::with_model() else { return };
    let collector = Collector::start(200);
    let service = traced(&dir, &collector.url, "");
    for path in ["/health/ready", "/metrics", "/v2/health/live"] {
        assert_eq!(traceparent_of(&service.get(path)), None, "{path}");
    }
    let answer = service.get("/classes");
    assert!(traceparent_of(&answer).unwrap().ends_with("-01"), "{answer}");
    let spans = collector.spans_with("GET /classes");
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert!(spans[0].parent_span_id.is_empty());
}

#[test]
fn shadow_predictions_are_not_traced() {
    let Some(dir) = TestDir::with_model() else { return };
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
fn queued_spans_are_sent_on_shutdown() {
    let Some(dir) = TestDir::with_model() else { return };
    let collector = Collector::start(200);
    let arguments = format!("serve --port 0 --log-format json --otlp-endpoint {}", collector.url);
    let mut command = dir.command(&arguments);
    let mut service = Service::start(command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000"));
    upload(&service, "/predict", 1, "");
    service.signal("-TERM");
    assert_eq!(service.exit(), Some(0));
    assert_eq!(collector.spans_with("POST /predict").len(), 5);
}

#[cfg(unix)]
#[test]
fn a_failing_collector_does_not_affect_the_service() {
    let Some(dir) = TestDir::with_model() else { return };
    let refusing = Collector::start(400);
    let mut service = traced(&dir, &refusing.url, "");
    upload(&service, "/predict", 1, "");
    refusing.wait_for_request();
    let entry = service
        .logged("the collector does not accept spans; they are lost, and nothing else is affected");
    assert!(entry["reason"].as_str().unwrap().contains("400"), "{entry}");
    // They may be sent in two requests.
    while lost(&service) < 5 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(lost(&service), 5);

    // A collector that accepts connections, but does not respond.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let mut service = traced(&dir, &url, "--grace 1");
    upload(&service, "/predict", 1, "");
    let mut connection = hanging.accept().unwrap().0;
    connection.read_exact(&mut [0; 16]).unwrap();
    // More than fit in the queue, so that some are lost before the collector responds.
    for _ in 0..2100 {
        assert!(service.get("/classes").starts_with("HTTP/1.1 200"));
        // The service would block on a full log pipe.
        service.logged("answered");
    }
    assert!(lost(&service) > 0);
    service.signal("-TERM");
    service.logged("not all spans were delivered");
    assert_eq!(service.exit(), Some(0));
}

#[test]
fn an_invalid_collector_url_ends_the_start() {
    let dir = TestDir::new();
    dir.refused("serve --port 0 --otlp-endpoint here:4318")
        .naming(&["here:4318", "http://HOST:PORT"])
        .hinting("OTEL_EXPORTER_OTLP_ENDPOINT");
    dir.run("serve --port 0 --trace-share 2").misused();
}

/// Recorded requests.
#[derive(Default)]
struct Received {
    heads: Vec<String>,
    requests: Vec<ExportTraceServiceRequest>,
}

/// A collector on a local port.
struct Collector {
    url: String,
    received: Arc<(Mutex<Received>, Condvar)>,
}

impl Collector {
    /// Starts a collector that responds with `status`.
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<(Mutex<Received>, Condvar)>::default();
        let keep = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let keep = keep.clone();
                std::thread::spawn(move || serve(stream.unwrap(), status, &keep));
            }
        });
        Self { url, received }
    }

    /// Waits until the requests meet a condition.
    fn wait(&self, is_enough: impl Fn(&Received) -> bool) -> std::sync::MutexGuard<'_, Received> {
        let (received, changed) = &*self.received;
        let guard = received.lock().unwrap();
        let (guard, timeout) =
            changed.wait_timeout_while(guard, TIMEOUT, |received| !is_enough(received)).unwrap();
        assert!(!timeout.timed_out(), "no spans: {:?}", guard.requests);
        guard
    }

    /// Waits for a span with this name, and returns all spans.
    fn spans_with(&self, name: &str) -> Vec<Span> {
        let has_come = |received: &Received| spans(received).any(|span| span.name == name);
        spans(&self.wait(has_come)).cloned().collect()
    }

    /// The head of the first request, and its attributes of the service.
    fn first(&self) -> (String, Vec<KeyValue>) {
        let received = self.wait(|received| !received.requests.is_empty());
        let resource = received.requests[0].resource_spans[0].resource.clone();
        (received.heads[0].clone(), resource.unwrap().attributes)
    }

    /// Waits for a request.
    fn wait_for_request(&self) {
        drop(self.wait(|received| !received.requests.is_empty()));
    }
}

fn spans(received: &Received) -> impl Iterator<Item = &Span> {
    let resources = received.requests.iter().flat_map(|request| &request.resource_spans);
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans)
}

/// Records and answers the requests of a connection.
fn serve(stream: TcpStream, status: u16, keep: &(Mutex<Received>, Condvar)) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(&*body).unwrap();
        let (received, changed) = keep;
        let mut received = received.lock().unwrap();
        received.heads.push(head);
        received.requests.push(request);
        drop(received);
        changed.notify_all();
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The value of an attribute as text.
fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    let Some(AnyValue { value: Some(value) }) = &found.value else {
        return None;
    };
    match value {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}
