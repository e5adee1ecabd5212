//! `pet-cli health`

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::test_dir::TestDir;

/// Starts a server that answers one request with `status`, and returns its port.
fn service(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /health/ready HTTP/1.1\r\n"));
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    port
}

#[test]
fn health_succeeds_if_the_service_is_ready() {
    let port = service("200 OK");
    let output = TestDir::new().run(&format!("health --port {port}"));
    assert_eq!(output.ok(), format!("http://127.0.0.1:{port}/health/ready: ready\n"));
}

#[test]
fn the_port_can_come_from_the_environment() {
    let port = service("200 OK").to_string();
    let dir = TestDir::new();
    let mut command = dir.command("health");
    let status = command.env("PORT", &port).status().unwrap();
    assert!(status.success());
}

#[test]
fn health_fails_if_the_service_drains_or_is_absent() {
    let dir = TestDir::new();
    let port = service("503 Service Unavailable");
    dir.run(&format!("health --port {port}")).refused().naming(&["not ready", "503"]);
    // The server has stopped after one request.
    dir.run(&format!("health --port {port}")).refused().naming(&["not ready", "refused"]);
}

#[test]
fn health_has_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    TestDir::new()
        .run(&format!("health --port {port} --timeout 1"))
        .refused()
        .naming(&["not ready", "timeout"]);
}
