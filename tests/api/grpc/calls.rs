//! Questions, and what every call has in common.

use std::time::Duration;

use pet_api::TraceContext;
use pet_image::Format;
use pet_tests::{gradient, recipe};
use tonic::Code;

use super::client::{Call, call, connect};
use super::messages::{Empty, Flag, Metadata, Model, Response, photograph};
use super::{MODEL, address, start, start_with};
use crate::support::{metric, startup_error};

fn model(name: &str, version: &str) -> Model {
    Model { name: name.into(), version: version.into() }
}

#[test]
fn service_and_model_are_described() {
    let Some(service) = start() else { return };
    for name in ["ServerLive", "ServerReady"] {
        assert!(call(name, &Empty {}).send(&service).ok::<Flag>().value, "{name}");
    }
    let described = call("ServerMetadata", &Empty {}).send(&service);
    assert_eq!(described.ok::<Model>().name, "MLOps Lab API");
    let size = i64::from(recipe().size());
    let described: Metadata = call("ModelMetadata", &model(MODEL, "")).send(&service).ok();
    assert_eq!(described.name, MODEL);
    assert_eq!(described.inputs[0].shape, [-1, 3, size, size]);
    let outputs: Vec<_> = described.outputs.iter().map(|output| &output.name).collect();
    assert_eq!(outputs, ["output", "probabilities", "class"]);

    let is_ready = |name: &str, version: &str| {
        let reply = call("ModelReady", &model(name, version)).send(&service);
        reply.ok::<Flag>().value
    };
    assert!(is_ready(MODEL, "") && is_ready(MODEL, &described.versions[0]));
    assert!(!is_ready(MODEL, "no-such-version") && !is_ready("no-such-model", ""));
    let missing = call("ModelMetadata", &model("x", "")).send(&service);
    missing.error(Code::NotFound, "model `x` does not exist".replace('`', "%60").as_str());
}

#[test]
fn calls_appear_in_metrics_and_traces() {
    let Some(service) = start() else { return };
    let route = "/inference.GRPCInferenceService/ModelInfer";
    let series = |series: &str| metric(&service, series) as u64;
    let count = |status: u16| {
        series(&format!("pet_requests_total{{route=\"{route}\",status=\"{status}\"}}"))
    };
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = call("ModelInfer", &photograph(&gradient(40, 30, Format::Png)))
        .header("x-request-id", "mine")
        .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"));
    let reply = request.send(&service);
    reply.ok::<Response>();
    assert_eq!(reply.headers["x-request-id"], "mine");
    let context = TraceContext::parse(reply.headers["traceparent"].to_str().unwrap()).unwrap();
    assert_eq!(format!("{:032x}", context.trace_id), trace);
    assert_eq!((count(200), count(400), count(429)), (1, 0, 0));

    call("ModelInfer", &photograph(b"not an image"))
        .send(&service)
        .error(Code::InvalidArgument, "image 0");
    assert_eq!(count(400), 1);
    let none = "pet_requests_total{route=\"none\",status=\"404\"}";
    for unknown in ["/inference.GRPCInferenceService/ModelConfig", "/", "/x/y"] {
        let before = series(none);
        Call::at(unknown).send(&service).error(Code::Unimplemented, "");
        assert_eq!(series(none), before + 1, "{unknown}");
    }
    assert_eq!(series("pet_requests_in_flight"), 1, "only that for the metrics");
}

#[test]
fn calls_of_a_connection_run_at_the_same_time() {
    let Some(service) = start() else { return };
    let request = call("ModelInfer", &photograph(&gradient(40, 30, Format::Png)));
    pet_api::block_on(async {
        let client = connect(address(&service)).await;
        // Before the first answer, a client does not know how many calls may be in progress.
        request.send_on(client.clone()).await.unwrap();
        let calls = (0..100).map(|_| request.send_on(client.clone()));
        for reply in futures_util::future::join_all(calls).await {
            let reply = reply.unwrap();
            // The queue has room for 64.
            assert!([0, Code::ResourceExhausted as u32].contains(&reply.code), "{}", reply.error);
        }
    });
    request.send(&service).ok::<Response>();
}

#[test]
fn accepted_calls_are_answered_while_stopping() {
    let Some(service) = start_with(|settings| settings.notice = Duration::from_secs(1)) else {
        return;
    };
    let place = address(&service);
    let request = call("ModelInfer", &photograph(&gradient(2000, 2000, Format::Png)));
    pet_api::block_on(async {
        let client = connect(place).await;
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (request, client) = (request.clone(), client.clone());
                tokio::spawn(async move { request.send_on(client).await.unwrap() })
            })
            .collect();
        // When the first is answered, the others have been accepted.
        let mut calls = futures_util::future::select_all(calls).await;
        calls.0.unwrap().ok::<Response>();
        let stopping = service.start_stopping();
        for one in calls.2.drain(..) {
            one.await.unwrap().ok::<Response>();
        }
        let ready = call("ServerReady", &Empty {});
        if let Ok(reply) = ready.send_on(client).await {
            assert!(!reply.ok::<Flag>().value);
        }
        stopping.join().unwrap();
    });
    service.wait();
    assert!(std::net::TcpStream::connect(place).is_err());
}

#[test]
fn a_port_in_use_is_an_error_of_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let Some(error) = startup_error(|settings| settings.grpc_port = Some(port)) else { return };
    assert_eq!(error.to_string(), format!("cannot listen on `127.0.0.1:{port}`"));
    assert!(error.hint().unwrap().contains("another program"));
}
