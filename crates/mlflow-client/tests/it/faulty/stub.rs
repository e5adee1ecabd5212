//! A server with a script: one answer per request, a connection for each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Reads the request and hangs up.
    Drop,
    /// Hangs up after so many bytes of the request's body.
    DropWithin(usize),
    /// Reads the request and says nothing for longer than anybody waits.
    Silence,
}

impl Answer {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::with(status, &format!("Content-Length: {}", body.len()), body)
    }

    pub(crate) fn with(status: u16, header: &str, body: &str) -> Self {
        let length = if header.starts_with("Content-Length") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let text =
            format!("HTTP/1.1 {status} X\r\n{header}\r\n{length}Connection: close\r\n\r\n{body}");
        Self::Bytes(text.into_bytes())
    }
}

pub(crate) fn json(body: &str) -> Answer {
    Answer::text(200, body)
}

/// What arrived.
#[derive(Clone, Default)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Stub {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        Self::on(0, answers)
    }

    pub(crate) fn on(port: u16, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // Ends with the script, or with the process.
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else { return };
                serve(stream, &answer, &seen);
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &Answer, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    while reader.read_line(&mut request.head).unwrap_or(0) > 2 {}
    let head = request.head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
    let read = match answer {
        Answer::DropWithin(bytes) => *bytes,
        _ => length,
    };
    request.body.resize(read, 0);
    let _ = reader.read_exact(&mut request.body);
    seen.lock().unwrap().push(request);
    match answer {
        Answer::Bytes(bytes) => {
            let _ = reader.get_mut().write_all(bytes);
        }
        Answer::Silence => std::thread::sleep(Duration::from_secs(2)),
        Answer::Drop | Answer::DropWithin(_) => {}
    }
}
