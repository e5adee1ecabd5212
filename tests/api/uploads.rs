//! Request bodies: file names, compression, slow clients.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Service, post, read};

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
