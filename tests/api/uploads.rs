//! How bodies come: under odd names, compressed, slowly.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use pet_image::Format;

use crate::support::{Service, gradient, post, read};

const FORM: &str = "multipart/form-data; boundary=x";

/// A form with one part, whose disposition is any bytes.
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
fn the_name_of_a_file_does_not_matter() {
    let Some(service) = Service::start("the_name_of_a_file_does_not_matter") else {
        return;
    };
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
        let answer = post("/grayscale").body(FORM, &body).send(service.address);
        answer.ok();
        assert!(answer.head.is_ascii(), "{}", answer.head);
    }
}

#[test]
fn names_that_are_given_back_run_in_one_direction() {
    let Some(service) = Service::start("names_that_are_given_back_run_in_one_direction") else {
        return;
    };
    let picture = gradient(20, 20, Format::Png);
    let answer = post("/predict/batch")
        .file("a\u{202e}gpj.exe", &picture)
        .send(service.address);
    assert_eq!(answer.json()["predictions"][0]["file"], "agpj.exe");
    let answer = post("/predict?top_k=a%E2%80%AEb")
        .file("a", &picture)
        .send(service.address);
    let refusal = answer.refused(400, "bad_parameter");
    assert!(!refusal.to_string().contains('\u{202e}'), "{refusal}");
}

#[test]
fn compressed_bodies_are_unpacked() {
    let Some(service) = Service::start("compressed_bodies_are_unpacked") else {
        return;
    };
    let picture = gradient(40, 30, Format::Bmp);
    let expected = post("/grayscale")
        .body("image/bmp", &picture)
        .send(service.address);
    let form = form(b"name=\"file\"", &picture);
    for (encoding, pack) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("X-GZip", gzip),
        ("deflate", deflate),
        ("identity", <[u8]>::to_vec),
    ] {
        for (kind, body) in [("image/bmp", &picture), (FORM, &form)] {
            let request = post("/grayscale").header("Content-Encoding", encoding);
            let answer = request.body(kind, &pack(body)).send(service.address);
            assert!(answer.ok() == expected.ok(), "{encoding} {kind}");
        }
    }
}

#[test]
fn what_unpacks_to_more_than_the_limit_413() {
    let Some(service) =
        Service::start_with("what_unpacks_to_more_than_the_limit_413", |settings| {
            settings.limits.bytes = 100_000;
            settings.memory = 1 << 20;
        })
    else {
        return;
    };
    let zeros = vec![0; 200 << 20];
    let bomb = gzip(&zeros);
    let elsewhere = gzip(&form(b"name=\"other\"", &zeros));
    for (kind, body) in [
        ("image/png", bomb),
        (FORM, gzip(&form(b"name=\"file\"", &zeros[..200_000]))),
        // Not even a field that is passed over.
        (FORM, elsewhere),
    ] {
        let request = post("/predict").header("Content-Encoding", "gzip");
        let answer = request.body(kind, &body).send(service.address);
        answer.refused(413, "too_large");
    }
}

#[test]
fn what_cannot_be_unpacked_is_refused_by_name() {
    let name = "what_cannot_be_unpacked_is_refused_by_name";
    let Some(service) = Service::start(name) else {
        return;
    };
    let picture = gradient(40, 30, Format::Png);
    for encoding in ["br", "zstd", "gzip, br"] {
        let request = post("/predict").header("Content-Encoding", encoding);
        let answer = request.body("image/png", &picture).send(service.address);
        let refusal = answer.refused(415, "unsupported_encoding");
        let detail = refusal["detail"].as_str().unwrap();
        assert!(
            detail.contains(encoding) || encoding.contains(','),
            "{detail}"
        );
        assert_eq!(answer.header("accept-encoding"), Some("gzip, deflate"));
    }
    let whole = gzip(&picture);
    for broken in [
        &picture[..],
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 4],
    ] {
        let request = post("/predict").header("Content-Encoding", "gzip");
        let answer = request.body("image/png", broken).send(service.address);
        answer.refused(400, "bad_request");
    }
}

#[test]
fn who_stops_in_the_middle_gives_way_to_others() {
    let name = "who_stops_in_the_middle_gives_way_to_others";
    let Some(service) = Service::start_with(name, |settings| {
        settings.memory = 200_000;
        settings.limits.bytes = 150_000;
        // So that nothing else frees the memory.
        settings.request_timeout = Duration::from_mins(10);
    }) else {
        return;
    };
    let picture = gradient(200, 200, Format::Bmp);
    // A batch that has come but for its end holds its photographs all the while.
    let half = form(b"name=\"file\"", &picture);
    let half = half.strip_suffix(b"--x--\r\n").unwrap();
    let begin = || {
        let batch = post("/predict/batch").body(FORM, half);
        let connection = batch.announcing(150_000).begin(service.address);
        connection.set_nonblocking(true).unwrap();
        connection
    };
    let ordinary = post("/grayscale").body("image/bmp", &picture);
    let start = Instant::now();
    let mut stopped = begin();
    let answer = loop {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "it never gives way"
        );
        let status = ordinary.send(service.address).status;
        assert!(matches!(status, 200 | 429), "{status}");
        if stopped.peek(&mut [0]).is_err() {
            continue;
        }
        stopped.set_nonblocking(false).unwrap();
        let answer = read(stopped);
        if answer.status != 429 {
            break answer;
        }
        // An ordinary picture had the memory first.
        stopped = begin();
    };
    answer.refused(408, "upload_timeout");
    ordinary.send(service.address).ok();
}
