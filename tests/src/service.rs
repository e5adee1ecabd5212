//! A running `pet-cli serve`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far longer than a start or a stop takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A running service, killed when dropped.
pub struct Service {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where it listens.
    pub port: u16,
}

impl Service {
    /// Starts the service, whose arguments must select a JSON log, and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut service = Self::begin(command);
        service.listen();
        service
    }

    /// Starts the service without reading its log.
    pub fn begin(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log, port: 0 }
    }

    /// Waits until the service listens.
    pub fn listen(&mut self) {
        let line = self.logged("listening");
        let address = line["address"].as_str().unwrap().trim_end_matches('/');
        self.port = address.rsplit(':').next().unwrap().parse().unwrap();
    }

    /// Reads the log up to the next entry with this message.
    pub fn logged(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.log.read_line(&mut line).unwrap(),
                0,
                "the log ended before: {message}"
            );
            let entry: Value = serde_json::from_str(&line).unwrap();
            assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
            if entry["message"] == message {
                return entry;
            }
        }
    }

    /// The response to `GET`.
    pub fn get(&self, path: &str) -> String {
        self.get_with(path, "")
    }

    /// The response to `GET` with further header lines.
    pub fn get_with(&self, path: &str, head: &str) -> String {
        self.send("GET", path, head, &[])
    }

    /// The response to `POST` with further header lines and a body.
    pub fn post(&self, path: &str, head: &str, body: &[u8]) -> String {
        let length = format!("Content-Length: {}\r\n", body.len());
        self.send("POST", path, &(length + head), body)
    }

    /// The response to a form with photographs, with further header lines.
    pub fn upload(&self, path: &str, head: &str, pictures: &[(&str, Vec<u8>)]) -> String {
        let mut body = Vec::new();
        for (name, picture) in pictures {
            let part = format!("form-data; name=\"file\"; filename=\"{name}\"");
            let part = format!("--x\r\nContent-Disposition: {part}\r\n\r\n");
            body.extend([part.as_bytes(), picture, b"\r\n"].concat());
        }
        body.extend(b"--x--\r\n");
        let form = "Content-Type: multipart/form-data; boundary=x\r\n";
        self.post(path, &(form.to_owned() + head), &body)
    }

    fn send(&self, method: &str, path: &str, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let fixed = "Host: localhost\r\nConnection: close\r\n";
        let head = format!("{method} {path} HTTP/1.1\r\n{fixed}{head}\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for the exit, and returns the status.
    pub fn exit(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the service did not stop");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
