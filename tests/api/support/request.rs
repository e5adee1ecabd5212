//! Requests over a plain connection, so that invalid ones can be sent as well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Response;

/// Far longer than any response takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);

const BOUNDARY: &str = "a-boundary-of-parts";

/// A builder of requests.
#[derive(Clone)]
pub(crate) struct Request {
    line: String,
    head: String,
    body: Vec<u8>,
    length: bool,
}

pub(crate) fn get(path: &str) -> Request {
    Request::new("GET", path)
}

pub(crate) fn post(path: &str) -> Request {
    Request::new("POST", path)
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            line: format!("{method} {path} HTTP/1.1\r\n"),
            head: "Host: localhost\r\nConnection: close\r\n".into(),
            body: Vec::new(),
            length: method == "POST",
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, media_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Type", media_type)
    }

    /// Adds a file to the form.
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"file\"; filename=\"{name}\""), content)
    }

    /// Adds a part to the form.
    pub(crate) fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let end = format!("--{BOUNDARY}--\r\n");
        if let Some(before) = self.body.strip_suffix(end.as_bytes()) {
            self.body = before.to_vec();
        } else {
            let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
            self = self.header("Content-Type", &media_type);
        }
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.body.extend([head.as_bytes(), content, b"\r\n", end.as_bytes()].concat());
        self
    }

    /// Sets `Content-Length`, which need not be the length of the body.
    pub(crate) fn content_length(mut self, length: u64) -> Self {
        self.length = false;
        self.header("Content-Length", &length.to_string())
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = if self.length {
            format!("Content-Length: {}\r\n", self.body.len())
        } else {
            String::new()
        };
        let head = [&self.line, &self.head, &length, "\r\n"].map(str::as_bytes).concat();
        [head, self.body.clone()].concat()
    }

    /// Sends the request without waiting for the response.
    pub(crate) fn start(&self, address: impl Into<SocketAddr>) -> TcpStream {
        let mut stream = TcpStream::connect(address.into()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        // The server may reject the request before it has read all of it.
        let _ = stream.write_all(&self.bytes());
        stream
    }

    /// Sends the request and reads the response.
    pub(crate) fn send(&self, address: impl Into<SocketAddr>) -> Response {
        read(self.start(address))
    }
}

/// Reads a response.
pub(crate) fn read(mut stream: TcpStream) -> Response {
    let mut bytes = Vec::new();
    // The part before a connection reset counts.
    let _ = stream.read_to_end(&mut bytes);
    Response::parse(&bytes)
}
