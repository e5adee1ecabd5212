//! A mirror that can behave badly, and the archives that it has.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use tar::{EntryType, Header};

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

/// An entry of an archive, written as it is given, however hostile.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: EntryType,
    pub(crate) link: &'a str,
    pub(crate) content: &'a [u8],
}

pub(crate) fn file<'a>(name: &'a str, content: &'a [u8]) -> Entry<'a> {
    Entry { name, kind: EntryType::Regular, link: "", content }
}

pub(crate) fn special<'a>(name: &'a str, kind: EntryType, link: &'a str) -> Entry<'a> {
    Entry { name, kind, link, content: b"" }
}

pub(crate) fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        // The checked setters refuse the very names that are to be tested.
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        fields.linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(0o644);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        builder.append(&header, entry.content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn tar_gz(entries: &[Entry<'_>]) -> Vec<u8> {
    gzip(&tar(entries))
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn md5(bytes: &[u8]) -> String {
    format!("{:x}", Md5::digest(bytes))
}

/// Bytes that do not compress, so that archives are as long as what they hold.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}
