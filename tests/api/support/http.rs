//! Requests over a plain connection, so that invalid ones can be sent as well, and responses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

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

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end =
            end.unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a response, whose status must be 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> &[u8] {
        assert_eq!(self.status, 200, "{}", self.text());
        &self.body
    }

    /// The JSON of a response, whose status must be 200.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.ok()).unwrap()
    }

    /// The JSON of an error response, which must be valid and have this status and code.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(error["code"], code, "{error}");
        assert!(!error["detail"].as_str().unwrap().is_empty(), "{error}");
        let known = ["detail", "code", "hint"];
        let fields = error.as_object().unwrap().keys();
        fields.for_each(|field| assert!(known.contains(&field.as_str()), "{error}"));
        error
    }
}
