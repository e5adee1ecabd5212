use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A web server on a port of its own that can behave badly.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    cuts: VecDeque<usize>,
    ignores_ranges: bool,
    mute: bool,
    ranges: Vec<Option<String>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/pets/", listener.local_addr().unwrap());
        let server = Self { address, state: Arc::default() };
        let state = Arc::clone(&server.state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || answer(stream.unwrap(), &state));
            }
        });
        server
    }

    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let server = Self::start();
        for (name, bytes) in files {
            let path = format!("/pets/{name}");
            server.state.lock().unwrap().files.insert(path, bytes.to_vec());
        }
        server
    }

    /// The next answers break off after so many bytes of their body, one after the other.
    pub(crate) fn cutting_after(self, cuts: &[usize]) -> Self {
        self.state.lock().unwrap().cuts.extend(cuts);
        self
    }

    pub(crate) fn ignoring_ranges(self) -> Self {
        self.state.lock().unwrap().ignores_ranges = true;
        self
    }

    /// Accepts connections and never says a word.
    pub(crate) fn mute(self) -> Self {
        self.state.lock().unwrap().mute = true;
        self
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The `Range` of every request so far.
    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().ranges.clone()
    }
}

/// The address of a server that is not there.
pub(crate) fn down() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/pets/", listener.local_addr().unwrap())
}

/// Answers one request and closes the connection. The client may be gone before the end.
fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers
        .iter()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned));

    let mut state = state.lock().unwrap();
    state.ranges.push(range.clone());
    if state.mute {
        drop(state);
        std::thread::sleep(std::time::Duration::from_secs(5));
        return;
    }
    let start = range.filter(|_| !state.ignores_ranges).map_or(0, |range| {
        range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
    });
    let (head, body) = response(state.files.get(&path), start);
    let cut = state.cuts.pop_front().unwrap_or(usize::MAX).min(body.len());
    let head =
        format!("HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..cut]));
}

/// The status line with the headers that depend on it, and the body from `start`.
fn response(file: Option<&Vec<u8>>, start: usize) -> (String, Vec<u8>) {
    let Some(file) = file else {
        return ("404 Not Found\r\n".to_owned(), b"no".to_vec());
    };
    let length = file.len();
    match start {
        0 => ("200 OK\r\n".to_owned(), file.clone()),
        _ if start >= length => (
            format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{length}\r\n"),
            Vec::new(),
        ),
        _ => (
            format!(
                "206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\n",
                length - 1
            ),
            file[start..].to_vec(),
        ),
    }
}
