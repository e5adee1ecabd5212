//! Headers of responses, with the trace that a request belongs to.

use std::io::Read as _;

use flate2::read::GzDecoder;
use pet_api::TraceContext;
use pet_image::Format;
use pet_tests::gradient;
use serde_json::Value;

use crate::support::{Request, Response, Service, get, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[test]
fn every_response_has_a_request_id_and_security_headers() {
    let Some(service) = Service::start() else { return };
    for path in ["/", "/health", "/nothing", "/predict"] {
        let response = get(path).send(&service);
        assert_eq!(response.header("x-request-id").unwrap().len(), 16, "{path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
    }
    let named = get("/health").header("x-request-id", "order-66.b");
    let response = named.send(&service);
    assert_eq!(response.header("x-request-id"), Some("order-66.b"));
    let forged = get("/health").header("x-request-id", "a b\"c");
    let response = forged.send(&service);
    assert_eq!(response.header("x-request-id").unwrap().len(), 16);
}

#[test]
fn cors_allows_any_origin() {
    let Some(service) = Service::start() else { return };
    for (method, path) in [("GET", "/health"), ("GET", "/nothing"), ("PUT", "/predict")] {
        let response =
            Request::new(method, path).header("Origin", "https://example.org").send(&service);
        let allowed = response.header("access-control-allow-origin");
        assert_eq!(allowed, Some("*"), "{method} {path}");
    }
    let preflight = Request::new("OPTIONS", "/predict")
        .header("Origin", "https://example.org")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type")
        .send(&service);
    assert_eq!(preflight.status, 200, "{}", preflight.text());
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
}

#[test]
fn page_may_load_only_its_own_files() {
    let Some(service) = Service::start() else { return };
    let page = get("/").send(&service);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[test]
fn files_are_compressed_and_cached() {
    let Some(service) = Service::start() else { return };
    for path in ["/", "/assets/style.css", "/docs", "/docs/docs.js", "/openapi.json"] {
        let plain = get(path).send(&service);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let vary = plain.header("vary").unwrap();
        assert!(vary.contains("accept-encoding"), "{path}: {vary}");
        let with = |name: &str, value: &str| get(path).header(name, value).send(&service);
        let packed = with("Accept-Encoding", "br;q=1.0, gzip;q=0.8");
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert!(packed.ok().len() < plain.ok().len() / 2, "{path}");
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.ok()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.ok(), "{path}");
        for refused in ["gzip;q=0", "br", "identity"] {
            let response = with("Accept-Encoding", refused);
            assert_eq!(response.ok(), plain.ok(), "{path} {refused}");
        }
        let tag = plain.header("etag").unwrap();
        assert_eq!(packed.header("etag"), Some(tag), "{path}");
        let known = with("If-None-Match", &format!("\"other\", {tag}"));
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        assert_eq!(known.header("etag"), Some(tag), "{path}");
        assert_eq!(with("If-None-Match", "*").status, 304, "{path}");
        assert_eq!(with("If-None-Match", "\"other\"").status, 200, "{path}");
    }
}

#[test]
fn head_is_get_without_a_body() {
    let Some(service) = Service::start() else { return };
    for path in ["/", "/health", "/classes"] {
        let response = Request::new("HEAD", path).send(&service);
        assert_eq!(response.status, 200, "{path}");
        assert!(response.body.is_empty());
    }
}

#[test]
fn options_lists_the_methods() {
    let Some(service) = Service::start() else { return };
    for (path, methods) in [("/health", "GET, HEAD, OPTIONS"), ("/predict", "OPTIONS, POST")] {
        let response = Request::new("OPTIONS", path).send(&service);
        assert_eq!(response.status, 204, "{path}");
        assert_eq!(response.header("allow"), Some(methods), "{path}");
        assert!(response.body.is_empty());
    }
}

#[test]
fn server_timing_lists_the_phases() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(60, 40, Format::Png);
    for (path, names) in [
        ("/predict", "queue decode preprocess infer"),
        ("/explain", "queue decode preprocess infer"),
        ("/grayscale", "queue decode change"),
    ] {
        let response = post(path).file("x.png", &picture).send(&service);
        response.ok();
        let phases = response.header("server-timing").unwrap().split(", ");
        let phases = phases.map(|phase| phase.split_once(";dur=").unwrap());
        let (given, took): (Vec<_>, Vec<_>) = phases.unzip();
        assert_eq!(given.join(" "), names);
        assert!(took.iter().all(|took| took.parse::<f64>().unwrap() >= 0.0));
    }
}

#[test]
fn errors_are_problem_details_on_request() {
    let Some(service) = Service::start() else { return };
    let api = get("/openapi.json").send(&service).json();
    let check = |problem: &Value| {
        let mut codes = api["x-error-codes"].as_array().unwrap().iter();
        let code = codes.find(|one| one["code"] == problem["code"]).unwrap();
        assert_eq!(code["status"], problem["status"], "{problem}");
        assert_eq!(code["meaning"], problem["title"], "{problem}");
        let link = format!("/docs#{}", problem["code"].as_str().unwrap());
        assert_eq!(problem["type"], link);
    };
    for (request, status, code) in [
        (get("/nothing"), 404, "not_found"),
        (get("/predict"), 405, "method_not_allowed"),
        (post("/predict"), 422, "missing_file"),
        (get("/v2/models/nothing"), 404, "not_found"),
    ] {
        for (accept, problem) in [
            ("application/problem+json", true),
            ("text/html, application/problem+json;q=0.5", true),
            ("application/json, application/problem+json;q=0.5", false),
            ("application/problem+json;q=0, */*", false),
            ("*/*", false),
        ] {
            let response = request.clone().header("Accept", accept).send(&service);
            assert_eq!(response.status, status, "{accept}");
            let kind = if problem { "application/problem+json" } else { "application/json" };
            assert_eq!(response.header("content-type"), Some(kind), "{accept}");
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(body["code"], code, "{body}");
            assert_eq!(body["status"] == status, problem, "{body}");
            if problem {
                check(&body);
            } else {
                assert!(body["type"].is_null() && body["title"].is_null(), "{body}");
            }
        }
    }
}

fn context(response: &Response) -> Option<TraceContext> {
    let value = response.header("traceparent")?;
    Some(TraceContext::parse(value).unwrap_or_else(|| panic!("malformed: {value}")))
}

#[test]
fn response_continues_the_callers_trace() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(40, 30, Format::Png);
    for (path, flags) in [("/predict", "01"), ("/predict/batch", "00")] {
        let caller = format!("00-{TRACE}-{SPAN}-{flags}");
        let request = post(path).file("x.png", &picture);
        let response = request.header("traceparent", &caller).send(&service);
        response.ok();
        let context = context(&response).unwrap();
        let caller = TraceContext::parse(&caller).unwrap();
        assert_eq!(context.trace_id, caller.trace_id);
        assert_ne!(context.span_id, caller.span_id);
        assert!(!context.sampled, "spans are not collected");
    }
    let refused = get("/nothing").header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    assert!(context(&refused.send(&service)).is_some());
}

#[test]
fn malformed_trace_context_is_ignored() {
    let Some(service) = Service::start() else { return };
    let response = get("/classes").send(&service);
    assert_eq!(response.header("traceparent"), None);
    for value in [
        "",
        "nonsense",
        &format!("ff-{TRACE}-{SPAN}-01"),
        &format!("00-{TRACE}-{SPAN}-01-more"),
        &format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        &format!("00-{}-{SPAN}-01", "0".repeat(32)),
        &format!("00-{TRACE}-{SPAN}-\u{e9}\u{e9}"),
        &"00-".repeat(1000),
    ] {
        let response = get("/classes").header("traceparent", value).send(&service);
        response.ok();
        assert_eq!(response.header("traceparent"), None, "{value}");
    }
    let twice = get("/classes")
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-01"))
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    let response = twice.send(&service);
    response.ok();
    assert_eq!(response.header("traceparent"), None);
}

#[test]
fn trace_context_is_exposed_to_other_origins() {
    let Some(service) = Service::start() else { return };
    let request = get("/classes").header("Origin", "https://example.org");
    let response = request.send(&service);
    let exposed = response.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("traceparent"), "{exposed}");
}
