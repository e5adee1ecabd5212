//! The few requests that are not wrk's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::error::Error;

/// A port that nobody listens at.
pub(super) fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether a service predicts the class of a photograph.
pub(super) fn predicts(port: u16, photograph: &[u8]) -> bool {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\
                Content-Type: image/jpeg\r\n\r\n";
    let body = [head.as_bytes(), photograph, b"\r\n--b--\r\n"].concat();
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = ask(port, &[request.as_bytes(), &body].concat());
    answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The text of the metrics of our service; empty where there are none.
pub(super) fn metrics(port: u16) -> String {
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    ask(port, request.as_bytes()).unwrap_or_default()
}

fn ask(port: u16, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
