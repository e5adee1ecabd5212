//! The place of a request in a trace: the header `traceparent`.

use pet_api::TraceContext;
use pet_image::Format;

use crate::support::{Answer, Service, get, gradient, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn place(answer: &Answer) -> Option<TraceContext> {
    let value = answer.header("traceparent")?;
    Some(TraceContext::parse(value).unwrap_or_else(|| panic!("malformed: {value}")))
}

#[test]
fn an_answer_is_a_part_of_the_callers_trace() {
    let Some(service) = Service::start("an_answer_is_a_part_of_the_callers_trace") else {
        return;
    };
    let picture = gradient(40, 30, Format::Png);
    for (path, flags) in [("/predict", "01"), ("/predict/batch", "00")] {
        let caller = format!("00-{TRACE}-{SPAN}-{flags}");
        let request = post(path).file("x.png", &picture);
        let answer = request.header("traceparent", &caller).send(service.address);
        answer.ok();
        let place = place(&answer).unwrap();
        let caller = TraceContext::parse(&caller).unwrap();
        assert_eq!(place.trace_id, caller.trace_id);
        assert_ne!(place.span_id, caller.span_id);
        assert!(!place.sampled, "nobody collects spans here");
    }
    let refused = get("/nothing").header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    assert!(place(&refused.send(service.address)).is_some());
}

#[test]
fn a_malformed_place_counts_as_none() {
    let Some(service) = Service::start("a_malformed_place_counts_as_none") else {
        return;
    };
    let answer = get("/classes").send(service.address);
    assert_eq!(answer.header("traceparent"), None);
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
        let answer = get("/classes")
            .header("traceparent", value)
            .send(service.address);
        answer.ok();
        assert_eq!(answer.header("traceparent"), None, "{value}");
    }
    let twice = get("/classes")
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-01"))
        .header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    let answer = twice.send(service.address);
    answer.ok();
    assert_eq!(answer.header("traceparent"), None);
}

#[test]
fn pages_of_other_hosts_may_read_the_place() {
    let Some(service) = Service::start("pages_of_other_hosts_may_read_the_place") else {
        return;
    };
    let request = get("/classes").header("Origin", "https://example.org");
    let answer = request.send(service.address);
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("traceparent"), "{exposed}");
}
