//! Overload, deadlines, cancellation, the memory for decoding, and graceful shutdown.

use std::num::NonZero;
use std::time::Duration;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use pet_image::Format;
use pet_tests::gradient;

use crate::support::{Request, Response, Service, get, metric, post, read, wait_until};

/// Work that takes a second or more.
fn long_work() -> Request {
    post("/resize?width=7000&height=7000").file("x.png", &gradient(50, 50, Format::Png))
}

#[test]
fn full_queue_429() {
    let Some(service) = Service::start_with(|settings| {
        settings.workers = NonZero::new(2).unwrap();
        settings.queue = NonZero::new(16).unwrap();
    }) else {
        return;
    };
    let picture = gradient(1500, 1500, Format::Png);
    let request = post("/predict").file("x.png", &picture);
    let responses: Vec<Response> = std::thread::scope(|scope| {
        let send = || request.send(&service);
        let threads: Vec<_> = (0..60).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (good, refused): (Vec<_>, Vec<_>) =
        responses.iter().partition(|response| response.status == 200);
    assert!(good.len() >= 18, "{}", good.len());
    assert!(!refused.is_empty());
    for response in refused {
        response.error(429, "busy");
        assert!(response.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    }
    request.send(&service).ok();
    assert!(metric(&service, "pet_queue_refused_total") > 0.0);
}

#[test]
fn full_upload_memory_429() {
    let Some(service) = Service::start_with(|settings| {
        settings.memory = 100_000;
        settings.limits.bytes = 80_000;
    }) else {
        return;
    };
    // Occupies most of the memory and never ends.
    let half = post("/predict").body("image/jpeg", &vec![0xff; 70_000]).content_length(80_000);
    let other = post("/predict").body("image/jpeg", &vec![0xff; 70_000]);
    let mut holders = Vec::new();
    // The first request gets the memory. A holder that comes second is rejected, so another has to try.
    let rejected = loop {
        assert!(holders.len() < 100, "the memory is never used up");
        holders.push(half.start(&service));
        let response = other.send(&service);
        if response.status != 400 {
            break response;
        }
    };
    rejected.error(429, "busy");
    drop(holders);
    wait_until("the memory is free again", || other.send(&service).status == 400);
}

#[test]
fn deadline_passed_504() {
    let Some(service) = Service::start_with(|settings| {
        settings.request_timeout = Duration::from_millis(200);
    }) else {
        return;
    };
    let waiting = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    let begun = || metric(&service, "pet_queue_duration_seconds_count");
    // The request waits behind long work until its deadline passes. A fast machine may finish the long work before that, and
    // gets more of it.
    let mut long = Vec::new();
    wait_until("a deadline has passed", || {
        let before = begun();
        long.extend((0..3).map(|_| long_work().start(&service)));
        wait_until("a worker is busy", || begun() > before);
        let response = waiting.send(&service);
        if response.status == 504 {
            response.error(504, "deadline_passed");
        }
        response.status == 504
    });
    drop(long);
    wait_until("the late work is dropped", || metric(&service, "pet_queue_abandoned_total") > 0.0);
}

#[test]
fn decoding_for_disconnected_clients_is_aborted() {
    let Some(service) = Service::start() else { return };
    let large = post("/predict").file("x.png", &deep(4000));
    let begun = || metric(&service, "pet_queue_duration_seconds_count");
    // It may be done before the service notices the disconnection; then another one is sent.
    wait_until("it is aborted", || {
        let before = begun();
        let gone = large.start(&service);
        wait_until("a worker is busy", || begun() > before);
        drop(gone);
        metric(&service, "pet_queue_abandoned_total") > 0.0
    });
}

#[test]
fn work_of_disconnected_clients_is_cancelled() {
    let Some(service) = Service::start() else { return };
    let long = long_work().start(&service);
    wait_until("a worker is busy", || metric(&service, "pet_queue_duration_seconds_count") > 0.0);
    let gone = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    let gone = gone.start(&service);
    wait_until("it is queued", || metric(&service, "pet_queue_depth") > 0.0);
    drop(gone);
    read(long).ok();
    wait_until("it is cancelled", || metric(&service, "pet_queue_abandoned_total") > 0.0);
    assert!(metric(&service, "pet_inference_duration_seconds_count") < 1.0);
}

#[test]
fn responses_that_are_not_read_time_out() {
    let Some(service) = Service::start_with(|settings| {
        settings.memory = 20 << 20;
        settings.request_timeout = Duration::from_secs(5);
    }) else {
        return;
    };
    // The response has 12 MB, far more than the buffers of a connection.
    let large =
        post("/resize?width=2000&height=2000").file("x.bmp", &gradient(20, 20, Format::Bmp));
    let unread = large.start(&service);
    wait_until("the answer waits", || large.send(&service).status == 429);
    wait_until("its memory is free again", || large.send(&service).status == 200);
    let mut got = Vec::new();
    let _ = std::io::Read::read_to_end(&mut &unread, &mut got);
    assert!(got.starts_with(b"HTTP/1.1 200") && got.len() < 12_000_000, "{}", got.len());
}

#[test]
fn ordinary_photographs_overtake_large_ones() {
    let Some(service) = Service::start() else { return };
    // Each occupies the only worker for long, and lets others overtake it for longer.
    let large = post("/predict").file("x.png", &gradient(3000, 3000, Format::Png));
    let crowd: Vec<_> = (0..30).map(|_| large.start(&service)).collect();
    wait_until("they are queued", || metric(&service, "pet_queue_depth") > 8.0);
    let small = post("/predict").file("x.png", &gradient(30, 30, Format::Png));
    small.send(&service).ok();
    assert!(metric(&service, "pet_queue_depth") > 0.0, "it was the last");
    for one in crowd {
        read(one).ok();
    }
}

/// A blank image with alpha and 16 bits per channel: a small file that takes 8 bytes per pixel.
fn deep(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    let levels = vec![0; side as usize * side as usize * 8];
    let encoder = PngEncoder::new(&mut png);
    let color = ExtendedColorType::Rgba16;
    encoder.write_image(&levels, side, side, color).unwrap();
    png
}

#[test]
fn image_beyond_the_decoding_memory_413() {
    let Some(service) = Service::start_with(|settings| {
        settings.workers = NonZero::new(2).unwrap();
        settings.decoding_memory = 90 << 20;
    }) else {
        return;
    };
    let hostile = post("/predict").file("x.png", &deep(3000));
    // 8 bytes per pixel, 4 for its 8-bit copy, and 8 MiB for tables; the limit is 90 MiB less 30 MiB.
    let needed = 3000 * 3000 * 12 + (8 << 20);
    let response = hostile.send(&service);
    response.error(413, "too_large");
    let text = response.text();
    assert!(text.contains(&needed.to_string()), "{text}");
    assert!(text.contains(&(60 << 20).to_string()), "{text}");

    // Expensive images within the limit wait for each other.
    let large = post("/predict").file("x.png", &deep(1800));
    let small = post("/predict").file("x.png", &gradient(300, 300, Format::Png));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                large.send(&service).ok();
            });
        }
        for _ in 0..4 {
            small.send(&service).ok();
            get("/health").send(&service).ok();
        }
    });
    // The result counts as well as the upload.
    let resize = post("/resize?width=7000&height=7000").file("x.png", &gradient(9, 9, Format::Png));
    resize.send(&service).error(413, "too_large");
}

#[test]
fn accepted_requests_are_answered_while_stopping() {
    let Some(service) = Service::start_with(|settings| {
        settings.notice = Duration::from_secs(1);
    }) else {
        return;
    };
    let address = service.address;
    let request = post("/predict").file("x.png", &gradient(400, 400, Format::Png));
    // Each client sends requests until the service is stopping, and counts the responses.
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || {
                for responses in 1.. {
                    let response = request.send(address);
                    response.ok();
                    if get("/health/ready").send(address).status == 503 {
                        return responses;
                    }
                }
                0
            })
        })
        .collect();
    let long = post("/resize?width=4000&height=4000").file("x.png", &gradient(50, 50, Format::Png));
    std::thread::sleep(Duration::from_millis(300));
    let long = long.start(address);
    std::thread::sleep(Duration::from_millis(100));
    let stopping = service.start_stopping();
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    read(long).ok();
    stopping.join().unwrap();
    service.wait();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn stopping_service_is_not_ready_503() {
    let Some(service) = Service::start_with(|settings| {
        settings.notice = Duration::from_millis(1500);
    }) else {
        return;
    };
    let stopping = service.start_stopping();
    std::thread::sleep(Duration::from_millis(300));
    let response = get("/health/ready").send(&service);
    response.error(503, "not_ready");
    assert!(response.header("retry-after").is_some());
    assert_eq!(response.header("connection"), Some("close"));
    // Requests are still answered during the notice.
    let picture = gradient(30, 30, Format::Png);
    post("/predict").file("x.png", &picture).send(&service).ok();
    assert_eq!(get("/health/live").send(&service).status, 200);
    stopping.join().unwrap();
    service.wait();
}
