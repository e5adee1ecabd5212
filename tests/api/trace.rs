//! The header `traceparent`.

use pet_api::TraceContext;
use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Response, Service, get, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

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
