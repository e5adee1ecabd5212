//! Hostile and broken clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Service, get, post, read};

#[test]
fn file_names_cannot_inject_headers_or_paths() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(20, 20, Format::Png);
    for name in [
        "../../../etc/passwd",
        r"..\\..\\windows\\system.ini",
        "a;b=c.png",
        "K\u{e4}the \u{1f436}.png",
        "%0d%0aSet-Cookie: a=b",
        ".htaccess",
        "",
        &"long".repeat(1000),
    ] {
        let response = post("/grayscale").file(name, &picture).send(&service);
        response.ok();
        let disposition = response.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment; filename="), "{disposition}");
        assert!(!disposition.contains(".."), "{disposition}");
        assert!(disposition.is_ascii() && disposition.len() < 600, "{disposition}");
        assert!(!response.head.to_lowercase().contains("\nset-cookie"), "{}", response.head);
    }
}

#[test]
fn truncated_images_are_predicted_or_rejected() {
    let Some(service) = Service::start() else { return };
    for format in Format::WRITTEN {
        let picture = gradient(24, 24, format);
        for length in (0..picture.len()).step_by(picture.len() / 12 + 1) {
            let response = post("/predict").file("x", &picture[..length]).send(&service);
            assert!(matches!(response.status, 200 | 400), "{format} {length}: {}", response.text());
        }
    }
    get("/health").send(&service).ok();
}

#[test]
fn invalid_http_does_not_stop_the_service() {
    let Some(service) = Service::start() else { return };
    for noise in [
        &b"\x16\x03\x01\x02\0\x01\0"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(noise).unwrap();
        let mut response = Vec::new();
        let _ = stream.take(100_000).read_to_end(&mut response);
        assert!(!response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
    }
    let long = "x".repeat(500_000);
    let mut stream = TcpStream::connect(service.address).unwrap();
    let _ = stream.write_all(format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes());
    drop(stream);
    get("/health").send(&service).ok();
}

#[test]
fn endless_request_head_times_out() {
    let Some(service) = Service::start_with(|settings| {
        settings.request_timeout = Duration::from_secs(1);
    }) else {
        return;
    };
    let start = Instant::now();
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: local").unwrap();
    assert_eq!(read(stream).status, 408);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn slow_clients_do_not_delay_others() {
    let Some(service) = Service::start() else { return };
    let slow = post("/predict").body("image/jpeg", b"\xff\xd8").content_length(5000);
    let connections: Vec<_> = (0..100).map(|_| slow.start(&service)).collect();
    let picture = gradient(30, 30, Format::Png);
    post("/predict").file("x.png", &picture).send(&service).ok();
    drop(connections);
}
