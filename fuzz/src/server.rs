//! A server that says what it is told to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The status and the body of the next answer.
type Next = Arc<Mutex<(u16, Vec<u8>)>>;

/// A server on this machine.
pub struct Server {
    address: SocketAddr,
    next: Next,
}

impl Server {
    /// Starts it; it runs as long as the process does.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let next = Next::default();
        let answers = next.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = answers.clone();
                std::thread::spawn(move || serve(stream, &answers));
            }
        });
        Self { address, next }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request so, and those that follow it with an empty object.
    pub fn say(&self, status: u16, body: &[u8]) {
        *self.next.lock().expect("no panic before") = (status, body.to_vec());
    }
}

fn serve(stream: TcpStream, next: &Next) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        read_request(&mut reader)?;
        let empty = (200, b"{}".to_vec());
        let (status, body) = std::mem::replace(&mut *next.lock().ok()?, empty);
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

/// Reads a request to its end.
fn read_request(reader: &mut impl BufRead) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            None if line.is_empty() => return None,
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(())
}
