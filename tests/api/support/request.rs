//! Requests over a plain connection, so that broken ones can be sent as well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Answer;

/// Far longer than any answer takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

const BOUNDARY: &str = "a-boundary-of-parts";

/// A request that is being put together.
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

    /// A raw body.
    pub(crate) fn body(mut self, media_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Type", media_type)
    }

    /// One more part `file` of a form; the first one makes it a form.
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"file\"; filename=\"{name}\""), content)
    }

    /// One more part of a form.
    pub(crate) fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let end = format!("--{BOUNDARY}--\r\n");
        if let Some(before) = self.body.strip_suffix(end.as_bytes()) {
            self.body = before.to_vec();
        } else {
            let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
            self = self.header("Content-Type", &media_type);
        }
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.body
            .extend([head.as_bytes(), content, b"\r\n", end.as_bytes()].concat());
        self
    }

    /// Announces a body of this length, whatever the body is.
    pub(crate) fn announcing(mut self, length: u64) -> Self {
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
        let head = [&self.line, &self.head, &length, "\r\n"]
            .map(str::as_bytes)
            .concat();
        [head, self.body.clone()].concat()
    }

    /// Sends it without waiting for the answer.
    pub(crate) fn begin(&self, address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that refuses early need not read all.
        let _ = stream.write_all(&self.bytes());
        stream
    }

    /// Sends it and reads the answer.
    pub(crate) fn send(&self, address: SocketAddr) -> Answer {
        read(self.begin(address))
    }
}

/// Reads an answer to its end.
pub(crate) fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // What has come before a reset counts.
    let _ = stream.read_to_end(&mut bytes);
    Answer::parse(&bytes)
}
