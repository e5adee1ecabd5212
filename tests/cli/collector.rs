//! A minimal trace collector: an HTTP server that records OTLP requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// Far longer than spans take, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Recorded requests.
#[derive(Default)]
struct Received {
    heads: Vec<String>,
    requests: Vec<ExportTraceServiceRequest>,
}

/// A collector on a local port.
pub(crate) struct Collector {
    pub(crate) url: String,
    received: Arc<(Mutex<Received>, Condvar)>,
}

impl Collector {
    /// Starts a collector that responds with `status`.
    pub(crate) fn start(status: u16) -> Self {
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
    pub(crate) fn spans_with(&self, name: &str) -> Vec<Span> {
        let has_come = |received: &Received| spans(received).any(|span| span.name == name);
        spans(&self.wait(has_come)).cloned().collect()
    }

    /// The head of the first request, and its attributes of the service.
    pub(crate) fn first(&self) -> (String, Vec<KeyValue>) {
        let received = self.wait(|received| !received.requests.is_empty());
        let resource = received.requests[0].resource_spans[0].resource.clone();
        (received.heads[0].clone(), resource.unwrap().attributes)
    }

    /// Waits for a request.
    pub(crate) fn wait_for_request(&self) {
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
pub(crate) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    let Some(AnyValue { value: Some(value) }) = &found.value else {
        return None;
    };
    match value {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}
