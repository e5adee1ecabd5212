//! Hostile, broken and slow clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use pet_image::Format;
use pet_tests::gradient;
use tonic::Code;

use super::client::call;
use super::messages::{Empty, Response, photograph, request};
use super::{address, start, start_with};
use crate::support::metric;

/// A call with a body that need not be a message.
fn with_body(body: &[u8]) -> super::client::Call {
    call("ModelInfer", &Empty {}).body(body)
}

#[test]
fn what_is_not_http2_is_disconnected() {
    let Some(service) = start() else { return };
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(500_000));
    for noise in [
        b"GET / HTTP/1.1\r\n\r\n",
        &b"\x16\x03\x01\x02\0\x01\0"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        long.as_bytes(),
    ] {
        let mut stream = TcpStream::connect(address(&service)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        // The service may close the connection before it has read all of it.
        let _ = stream.write_all(noise);
        let mut rest = Vec::new();
        // It may also reset the connection, but it does not wait.
        if let Err(error) = stream.take(100_000).read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    call("ServerLive", &Empty {}).send(&service).ok::<Empty>();
}

#[test]
fn what_is_not_a_message_is_rejected() {
    let Some(service) = start() else { return };
    let valid = photograph(&gradient(20, 20, Format::Png));
    let bytes = prost::Message::encode_to_vec(&valid);
    let framed = |flag: u8, length: usize, message: &[u8]| {
        let length = (length as u32).to_be_bytes();
        with_body(&[&[flag], &length[..], message].concat())
    };
    framed(0, bytes.len(), &bytes).send(&service).ok::<Response>();
    for cut in (1..bytes.len()).step_by(7) {
        let whole = framed(0, cut, &bytes[..cut]).send(&service);
        whole.error(Code::InvalidArgument, "");
        let part = framed(0, bytes.len(), &bytes[..cut]).send(&service);
        part.error(Code::InvalidArgument, "expected one message");
    }
    framed(0, 7, b"\xff\xff\xff\xff\xff\xff\xff").send(&service).error(Code::InvalidArgument, "");
    framed(0, u32::MAX as usize, b"x").send(&service).error(Code::InvalidArgument, "expected one");
    // Whatever the call, its library would allocate what the prefix declares.
    for method in ["ServerLive", "ModelReady", "ModelMetadata"] {
        let declared = call(method, &Empty {}).body(b"\0\xff\xff\xff\xffx");
        declared.send(&service).error(Code::InvalidArgument, "expected one");
    }
    framed(1, bytes.len(), &bytes).send(&service).error(Code::Internal, "compressed");
    framed(1, bytes.len(), &bytes)
        .header("grpc-encoding", "gzip")
        .send(&service)
        .error(Code::Unimplemented, "compressed");
    let counted =
        "pet_requests_total{route=\"/inference.GRPCInferenceService/ModelInfer\",status=\"415\"}";
    assert_eq!(metric(&service, counted) as u64, 1);
    framed(9, bytes.len(), &bytes).send(&service).error(Code::Internal, "flag");
    for short in [&b""[..], b"\0", b"\0\0\0\0"] {
        assert_ne!(with_body(short).send(&service).code, 0);
    }
}

#[test]
fn messages_above_the_limits_are_rejected() {
    let Some(service) = start_with(|settings| settings.limits.bytes = 100_000) else { return };
    let limited = call("ModelInfer", &photograph(&vec![0; 200_000])).send(&service);
    limited.error(Code::ResourceExhausted, "limit");
    // Less than the limit of a call, more than that of a photograph.
    let limited = call("ModelInfer", &photograph(&vec![0; 120_000])).send(&service);
    limited.error(Code::ResourceExhausted, "image 0");
    let question = call("ModelReady", &photograph(&vec![0; 90_000])).send(&service);
    question.error(Code::ResourceExhausted, "limit");
    let mut many = request("BYTES", &[1]);
    many.inputs = vec![many.inputs[0].clone(); 1000];
    call("ModelInfer", &many).send(&service).error(Code::InvalidArgument, "too many fields");
}

#[test]
fn deadline_of_the_client_is_kept() {
    let Some(service) = start() else { return };
    let request = call("ModelInfer", &photograph(&gradient(20, 20, Format::Png)));
    let with = |timeout: &str| request.clone().header("grpc-timeout", timeout).send(&service);
    with("1n").error(Code::DeadlineExceeded, "in time");
    with("60S").ok::<Response>();
    with("99999999H").ok::<Response>();
    with("soon").error(Code::InvalidArgument, "grpc-timeout");
    let stalled = request.clone().incomplete().header("grpc-timeout", "100m");
    stalled.send(&service).error(Code::DeadlineExceeded, "did not arrive");
}

#[test]
fn slow_uploads_end_with_the_request_timeout() {
    let Some(service) = start_with(|settings| {
        settings.request_timeout = Duration::from_secs(1);
    }) else {
        return;
    };
    let request = call("ModelInfer", &photograph(&gradient(20, 20, Format::Png)));
    request.clone().incomplete().send(&service).error(Code::DeadlineExceeded, "did not arrive");
    request.send(&service).ok::<Response>();
}

#[test]
fn idle_connections_are_closed() {
    let Some(service) = start_with(|settings| {
        settings.request_timeout = Duration::from_secs(1);
    }) else {
        return;
    };
    let mut silent = TcpStream::connect(address(&service)).unwrap();
    silent.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut settings = Vec::new();
    silent.read_to_end(&mut settings).unwrap();
    pet_api::block_on(async {
        let stream = tokio::net::TcpStream::connect(address(&service)).await.unwrap();
        let (_client, connection) = h2::client::handshake(stream).await.unwrap();
        // It ends when the service says goodbye.
        tokio::time::timeout(Duration::from_mins(1), connection).await.unwrap().unwrap();
    });
}
