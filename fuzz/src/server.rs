//! A server with a fixed response.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Status and body of the next response.
type Next = Arc<Mutex<(u16, Vec<u8>)>>;

/// A server on the loopback interface.
pub struct Server {
    address: SocketAddr,
    next: Next,
}

impl Server {
    /// Starts the server, which runs until the process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let next = Next::default();
        let responses = next.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let responses = responses.clone();
                std::thread::spawn(move || serve(stream, &responses));
            }
        });
        Self { address, next }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the response to the next request; later ones get an empty object.
    pub fn set_response(&self, status: u16, body: &[u8]) {
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
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        writer.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

/// Reads a request.
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
