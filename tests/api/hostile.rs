//! Unusual, hostile and broken requests: file names, compression, invalid HTTP, slow clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Service, get, post, read};

const FORM: &str = "multipart/form-data; boundary=x";

/// A form with one part of any disposition.
fn form(disposition: &[u8], content: &[u8]) -> Vec<u8> {
    let head = b"--x\r\nContent-Disposition: form-data; ";
    [head, disposition, b"\r\n\r\n", content, b"\r\n--x--\r\n"].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn any_file_name_is_accepted() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(20, 20, Format::Png);
    for name in [
        &b"name=\"file\"; filename=\"K\xe4the.png\""[..],
        b"name=\"file\"; filename=K\xff\xfe.png",
        b"name=file; filename=\"C:\\photos\\\"",
        b"name=\"file\"; filename*=klingon",
        b"name=\"file\"; filename=",
        b"name=\"file\"",
    ] {
        let body = form(name, &picture);
        let response = post("/grayscale").body(FORM, &body).send(&service);
        response.ok();
        assert!(response.head.is_ascii(), "{}", response.head);
    }
}

#[test]
fn returned_names_have_no_directional_characters() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(20, 20, Format::Png);
    let response = post("/predict/batch").file("a\u{202e}gpj.exe", &picture).send(&service);
    assert_eq!(response.json()["predictions"][0]["file"], "agpj.exe");
    let response = post("/predict?top_k=a%E2%80%AEb").file("a", &picture).send(&service);
    let error = response.error(400, "bad_parameter");
    assert!(!error.to_string().contains('\u{202e}'), "{error}");
}

#[test]
fn compressed_bodies_are_decompressed() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(40, 30, Format::Bmp);
    let expected = post("/grayscale").body("image/bmp", &picture).send(&service);
    let form = form(b"name=\"file\"", &picture);
    for (encoding, pack) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("X-GZip", gzip),
        ("deflate", deflate),
        ("identity", <[u8]>::to_vec),
    ] {
        for (kind, body) in [("image/bmp", &picture), (FORM, &form)] {
            let request = post("/grayscale").header("Content-Encoding", encoding);
            let response = request.body(kind, &pack(body)).send(&service);
            assert!(response.ok() == expected.ok(), "{encoding} {kind}");
        }
    }
}

#[test]
fn decompression_bomb_413() {
    let Some(service) = Service::start_with(|settings| {
        settings.limits.bytes = 100_000;
        settings.memory = 1 << 20;
    }) else {
        return;
    };
    let zeros = vec![0; 200 << 20];
    let bomb = gzip(&zeros);
    let elsewhere = gzip(&form(b"name=\"other\"", &zeros));
    for (kind, body) in [
        ("image/png", bomb),
        (FORM, gzip(&form(b"name=\"file\"", &zeros[..200_000]))),
        // Also in a field that is ignored.
        (FORM, elsewhere),
    ] {
        let request = post("/predict").header("Content-Encoding", "gzip");
        let response = request.body(kind, &body).send(&service);
        response.error(413, "too_large");
    }
}

#[test]
fn unsupported_encoding_415() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(40, 30, Format::Png);
    for encoding in ["br", "zstd", "gzip, br"] {
        let request = post("/predict").header("Content-Encoding", encoding);
        let response = request.body("image/png", &picture).send(&service);
        let error = response.error(415, "unsupported_encoding");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(encoding) || encoding.contains(','), "{detail}");
        assert_eq!(response.header("accept-encoding"), Some("gzip, deflate"));
    }
    let whole = gzip(&picture);
    let form = gzip(&form(b"name=\"file\"", &picture));
    for (kind, broken) in [
        ("image/png", &picture[..]),
        ("image/png", &whole[..whole.len() / 2]),
        ("image/png", &whole[..whole.len() - 4]),
        (FORM, &form[..form.len() / 2]),
    ] {
        let request = post("/predict").header("Content-Encoding", "gzip");
        let response = request.body(kind, broken).send(&service);
        let error = response.error(400, "bad_request");
        assert_eq!(
            error["detail"],
            "the body does not have the `Content-Encoding` that it claims, or is truncated"
        );
    }
}

#[test]
fn stalled_uploads_are_cancelled_when_memory_is_short() {
    let Some(service) = Service::start_with(|settings| {
        settings.memory = 200_000;
        settings.limits.bytes = 150_000;
        // Long, so that nothing else frees the memory.
        settings.request_timeout = Duration::from_mins(10);
    }) else {
        return;
    };
    let picture = gradient(200, 200, Format::Bmp);
    // An incomplete batch keeps its photographs in memory.
    let half = form(b"name=\"file\"", &picture);
    let half = half.strip_suffix(b"--x--\r\n").unwrap();
    let begin = || {
        let batch = post("/predict/batch").body(FORM, half);
        let connection = batch.content_length(150_000).start(&service);
        connection.set_nonblocking(true).unwrap();
        connection
    };
    let ordinary = post("/grayscale").body("image/bmp", &picture);
    let start = Instant::now();
    let mut stopped = begin();
    let response = loop {
        assert!(start.elapsed() < Duration::from_mins(1), "it is never cancelled");
        let status = ordinary.send(&service).status;
        assert!(matches!(status, 200 | 429), "{status}");
        if stopped.peek(&mut [0]).is_err() {
            continue;
        }
        stopped.set_nonblocking(false).unwrap();
        let response = read(stopped);
        if response.status != 429 {
            break response;
        }
        // An ordinary request had the memory first.
        stopped = begin();
    };
    response.error(408, "upload_timeout");
    ordinary.send(&service).ok();
}

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
